"""What pykickstart makes of kickstarts, for tests to compare with.

Reads one JSON object a line, {"version": "F44", "text": "..."} or, with files
that are really there, {"version": "F44", "path": "...", "includes": true}, and
answers each with one JSON object a line. "fill": true asks for the views too.
"""
import json
import sys
import warnings

from pykickstart.errors import KickstartError, KickstartParseWarning
from pykickstart.parser import KickstartParser, preprocessKickstartToString
from pykickstart.version import makeVersion


def options(obj, names):
    """The attributes of a data object, lists as lists, the rest as text."""
    out = {}
    for name in names:
        value = getattr(obj, name, None)
        if value is None:
            value = ""
        out[name] = [str(v) for v in value] if isinstance(value, (list, tuple)) else str(value)
    return out


def views(handler):
    p = handler.packages
    return {
        "environment": p.environment or "",
        "groups": [[g.name, g.include] for g in p.groupList],
        "excluded_groups": [g.name for g in p.excludedGroupList],
        "packages": list(p.packageList),
        "excluded": list(p.excludedList),
        "header": [bool(p.default), bool(p.excludeDocs), p.handleMissing == 1, p.handleBroken == 1, bool(p.nocore), bool(p.multiLib),
                   bool(p.excludeWeakdeps), p.instLangs or "", p.timeout or 0, p.retries or 0],
        "repos": [options(r, ["name", "baseurl", "mirrorlist", "metalink", "cost", "includepkgs", "excludepkgs", "proxy",
                              "noverifyssl", "install", "sslcacert", "sslclientcert", "sslclientkey"]) for r in handler.repo.repoList],
        "url": options(handler.url, ["url", "mirrorlist", "metalink", "proxy", "noverifyssl", "sslcacert", "sslclientcert", "sslclientkey"]),
        "scripts": [[s.type, s.interp or "", s.logfile or "", bool(s.errorOnFail), bool(s.inChroot), s.script] for s in handler.scripts],
        "certificates": [[c.filename, c.dir or "", c.type or "", c.cert] for c in handler.certificates],
        "partitions": [options(x, ["mountpoint", "size", "maxSizeMB", "grow", "fstype", "disk", "label", "onPart", "encrypted", "recommended",
                                   "hibernation", "fsopts", "primOnly", "format", "resize"]) for x in handler.partition.partitions],
        "users": [options(x, ["name", "groups", "homedir", "password", "isCrypted", "lock", "plaintext", "shell", "uid", "gid", "gecos"])
                  for x in handler.user.userList],
        "networks": [options(x, ["device", "bootProto", "hostname", "ip", "netmask", "gateway", "nameserver", "ipv6", "ipv6gateway", "onboot",
                                 "activate", "mtu", "essid", "bondslaves", "bridgeslaves", "vlanid", "interfacename", "noipv4", "noipv6"])
                     for x in handler.network.network],
        "services": options(handler.services, ["enabled", "disabled"]),
        "rootpw": options(handler.rootpw, ["password", "isCrypted", "lock", "allow_ssh"]),
        "bootloader": {} if not handler.bootloader.seen else options(handler.bootloader, ["location", "appendLine", "timeout", "disabled", "bootDrive", "extlinux", "nombr"]),
        "lang": options(handler.lang, ["lang", "addsupport"]),
        "timezone": options(handler.timezone, ["timezone", "isUtc"]),
        "keyboard": options(handler.keyboard, ["_keyboard", "vc_keymap", "x_layouts"]),
    }


def answer(request):
    out = {"error": None, "line": 0, "warnings": []}
    handler = makeVersion(request["version"])
    parser = KickstartParser(handler, followIncludes=request.get("includes", False), missingIncludeIsFatal=not request.get("ignore_missing", False))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            text = request.get("text")
            if text is None:
                if request.get("preprocess"):
                    text = preprocessKickstartToString(request["path"]).decode()
                    parser.readKickstartFromString(text)
                else:
                    parser.readKickstart(request["path"])
            else:
                parser.readKickstartFromString(text)
        except KickstartError as e:
            out["error"], out["line"] = e.message or str(e), e.lineno or 0
        except RecursionError:
            out["error"] = "recursion"
        except Exception as e:  # a crash is a refusal too
            out["error"], out["crash"] = "%s: %s" % (type(e).__name__, e), True
        out["warnings"] = [str(w.message) for w in caught if issubclass(w.category, KickstartParseWarning)]
    if request.get("fill") and out["error"] is None:
        out["views"] = views(handler)
        out["text"] = str(handler)
    return out


def main():
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(json.loads(line))), flush=True)


main()
