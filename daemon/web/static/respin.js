// What the pages can do beyond HTML: nothing here is needed to use them.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  // Copy buttons. Without a secure context there is no navigator.clipboard.
  async function copy(text) {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return;
    }
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("copying is not allowed");
  }

  function enable(root) {
    for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    try {
      await copy(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    button.focus();
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  enable(document);

  // A form is sent once. The button is named again when the page comes back
  // from the browser's memory.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button[data-busy]");
    if (!button) return;
    button.dataset.idle = button.textContent;
    button.textContent = button.dataset.busy;
    setTimeout(() => { button.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[data-idle]")) {
      button.textContent = button.dataset.idle;
      button.disabled = false;
    }
  });

  $("errors")?.focus();

  // Sources are recognized by the server while they are typed: it alone knows
  // the rules.
  const area = document.querySelector("[data-recognize]");
  if (area) {
    const out = $(area.dataset.recognize);
    let timer, last = area.value, running;
    const ask = async () => {
      if (area.value === last) return;
      last = area.value;
      running?.abort();
      running = new AbortController();
      try {
        const answer = await fetch("/recognize", {
          method: "POST", body: last, headers: { "Content-Type": "text/plain" }, signal: running.signal,
        });
        if (answer.ok) {
          out.innerHTML = await answer.text();
          area.removeAttribute("aria-invalid"); // it is not what was refused any more
        }
      } catch { /* the next key tries again */ }
    };
    area.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 250);
    });
    // What a browser restored after "back" is not what the server listed.
    window.addEventListener("pageshow", () => { if (area.value !== area.defaultValue) ask(); });
  }

  // The log keeps its last lines, and follows them while its end is in view.
  const log = $("log");
  const maxLog = 256 * 1024;
  function append(text) {
    if (!text) return;
    log.hidden = false;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    let all = log.textContent + text;
    if (all.length > maxLog) {
      all = all.slice(-maxLog);
      all = "…\n" + all.slice(all.indexOf("\n") + 1);
      log.textContent = all;
    } else {
      log.append(text);
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  // Live progress.
  const live = document.querySelector("[data-events]");
  if (live) {
    const show = (e) => {
      if (e.state) {
        const badge = document.createElement("span");
        badge.className = "badge s-" + e.state;
        badge.textContent = e.state;
        if ($("state").textContent !== e.state) $("state").replaceChildren(badge);
        document.title = document.title.replace(/^(\d+ % · )?/, e.percent && e.state === "building" ? e.percent + " % · " : "");
      }
      const percent = e.percent || 0;
      if (percent > 0 || e.state === "building") {
        $("progress").value = percent;
        $("percent").textContent = percent + " %";
      }
      // In the queue the page knows more than the event.
      if (e.state !== "queued" && $("message").textContent !== (e.message || "")) $("message").textContent = e.message || "";
      const items = [...$("stages").children];
      const stage = e.state === "publishing" ? "publish" : e.stage;
      const at = items.findIndex((li) => li.dataset.stage === stage);
      if (at < 0) return;
      items.forEach((li, i) => {
        const state = i < at ? "done" : i === at ? "current" : "todo";
        if (li.dataset.state === state) return;
        li.dataset.state = state;
        li.querySelector("small").textContent = state === "done" ? "done" : state === "current" ? "now" : "";
        if (state === "current") li.setAttribute("aria-current", "step");
        else li.removeAttribute("aria-current");
      });
    };
    const events = new EventSource(live.dataset.events);
    events.addEventListener("state", (m) => show(JSON.parse(m.data)));
    events.addEventListener("stage", (m) => show(JSON.parse(m.data)));
    events.addEventListener("log", (m) => append(JSON.parse(m.data).text));
    events.addEventListener("end", () => {
      events.close();
      // Not at once: should the page still say otherwise, it must not spin.
      setTimeout(() => location.reload(), 500);
    });
  } else if (log) {
    // A compose that has ended: the end of its log.
    (async () => {
      try {
        const answer = await fetch(log.dataset.log, { headers: { Range: "bytes=-65536" } });
        if (!answer.ok) return;
        let text = await answer.text();
        if (answer.status === 206 && !/^bytes 0-/.test(answer.headers.get("Content-Range") || "")) {
          text = "…\n" + text.slice(text.indexOf("\n") + 1);
        }
        append(text.slice(-maxLog));
        log.scrollTop = log.scrollHeight;
      } catch { /* the link is there */ }
    })();
  }

  // The queue is loaded again in place, so that nobody loses where they read.
  const list = document.querySelector("[data-live]");
  if (list) {
    setInterval(async () => {
      if (document.hidden || list.contains(document.activeElement)) return;
      try {
        const answer = await fetch(list.dataset.live);
        if (!answer.ok) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
        if (!fresh || fresh.innerHTML === list.innerHTML) return;
        const open = new Set([...list.querySelectorAll("details[open]")].map((d) => d.dataset.keep));
        for (const d of fresh.querySelectorAll("details")) d.open = open.has(d.dataset.keep);
        list.replaceChildren(...fresh.childNodes);
      } catch { /* the next round tries again */ }
    }, 5000);
  }
})();
