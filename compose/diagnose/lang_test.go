package diagnose_test

import (
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/diagnose"
)

// TestOtherLanguages reads messages of tools that did not run in English.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	classifier := diagnose.New(diagnose.Options{})
	for line, want := range map[string]diagnose.Code{
		"cp: Fehler beim Schreiben von '/out/x.img': Auf dem Gerät ist kein Speicherplatz mehr verfügbar": diagnose.DiskFull,
		"dd: écriture vers '/out/x.img': Aucun espace disponible sur le périphérique":                     diagnose.DiskFull,
		"tar: /out/x: No se puede write: No queda espacio en el dispositivo":                              diagnose.DiskFull,
		"cp: errore scrivendo '/out/x.img': Spazio esaurito sul device":                                   diagnose.DiskFull,
		"dd: erro de escrita de '/out/x.img': Não há espaço disponível no dispositivo":                    diagnose.DiskFull,
		"dd: ошибка записи '/out/x.img': На устройстве не осталось свободного места":                      diagnose.DiskFull,
		"dd: `/out/x.img' に書き込み中です: デバイスに空き領域がありません":                                                      diagnose.DiskFull,
		"java.io.IOException: 设备上没有空间":                                                                    diagnose.DiskFull,
		"Erreur : La vérification GPG a ÉCHOUÉ":                                                           diagnose.BadSignature,
		"Keine Übereinstimmung für Argument: python3.11-pip":                                              diagnose.PackageNotFound,
		"bash: mkksiso: Kommando nicht gefunden.":                                                         diagnose.ToolMissing,
		"bash: mkksiso : commande introuvable":                                                            diagnose.ToolMissing,
		"bash: mkksiso: 未找到命令":                                                                            diagnose.ToolMissing,
		"./build.sh: Zeile 12:  2412 Abgebrochen (Killed)     mksquashfs x y":                             diagnose.Killed,
		"Ucciso":                               diagnose.Killed,
		"Убито":                                diagnose.Killed,
		"已杀死":                                  diagnose.Killed,
		"Processus arrêté      mksquashfs x y": diagnose.Killed,
	} {
		v, err := classifier.Read(t.Context(), []diagnose.Log{{Name: "build.log", Reader: strings.NewReader("building\n" + line + "\n")}}, diagnose.Facts{Exit: 1})
		if err != nil || v.Code != want {
			t.Errorf("%s: %s by %s (%v) instead of %s", line, v.Code, v.Rule, err, want)
		}
	}
}
