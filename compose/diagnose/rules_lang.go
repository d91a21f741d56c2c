package diagnose

// langRules know the commonest messages where a tool ran in another language than
// English: German, French, Spanish, Italian, Portuguese, Russian, Japanese and
// Chinese. Sources: the catalogs of bash and of the C library; of dnf, reports in
// German and French, and for signatures any words of failing beside GPG.
//
//nolint:misspell // other languages than English
func langRules() []rule {
	lang := func(name string, code Code, rank int, keys, pattern, sentence string) rule {
		return rule{name, code, "", rank, keys, pattern, sentence, "", extra{grave: true}}
	}
	return []rule{
		lang("lang-no-space", DiskFull, certain, "ist kein speicherplatz mehr|aucun espace disponible|no queda espacio en|spazio esaurito|espaço disponível no disp|осталось свободного места|空き領域がありません|没有空间",
			`(?i)(?P<file>/[^\s'"»’:]+)?.*(?:ist kein Speicherplatz mehr verfügbar|Aucun espace disponible sur|No queda espacio en el dispositivo|Spazio esaurito su|Não há espaço disponível no disp|На устройстве не осталось свободного места|デバイスに空き領域がありません|设备上没有空间)`, "A disk is full[: writing {file} failed]."),
		lang("lang-gpg", BadSignature, fatal, "gpg",
			`(?i)\bGPG\b.{0,40}(?:ÉCHOU|FEHLGESCHLAGEN|FALL[ÓO]|FALLIT|FALHOU|НЕУДАЧ|に失敗|失败)`, "The signature of a package is not accepted."),
		lang("lang-no-match", PackageNotFound, strong, "aucune correspondance pour l|bereinstimmung für",
			`(?i)(?:Aucune correspondance pour l['’]argument|Keine Übereinstimmung für Argumente?)[^:]*: ?(?P<pkg>\S+)`, "The repositories have no package {pkg}."),
		lang("lang-no-command", ToolMissing, strong, "commande introuvable|nicht gefunden|orden no encontrada|comando non trovato|comando não encontrado|команда не найдена|コマンドが見つかりません|未找到命令",
			`(?i)(?:^|[\s:])(?P<tool>[\w./+-]+) ?[:：] ?(?:commande introuvable|(?:Kommando|Befehl) nicht gefunden|orden no encontrada|comando non trovato|comando não encontrado|команда не найдена|コマンドが見つかりません|未找到命令)`, "The program {tool} is not installed."),
		lang("lang-killed", Killed, likely, "getötet|(killed)|processus arrêté|tué|matado|ucciso|бит|已杀死",
			`(?i)(?:`+begin+`|\b(?:line|linha|línea|ligne|Zeile|riga|строка|行) ?\d+ ?[:：]? +\d+ )(?:Getötet|(?:Abgebrochen|Morto) \(Killed\)|Processus arrêté|Tué|Matado|Ucciso|Убито?|已杀死)(?: {2,}.*)?\s*$`, "A process was killed; often that is the kernel when memory runs out."),
	}
}
