package obs

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Log formats for NewLogger.
const (
	FormatAuto = "auto" // text on a terminal, else JSON
	FormatText = "text"
	FormatJSON = "json"
)

// NewLogger returns a logger that writes to w, and the variable by which its
// level is changed while it runs. A format other than FormatText and FormatJSON
// is taken as FormatAuto. The caller closes w.
func NewLogger(w io.Writer, level slog.Level, format string) (*slog.Logger, *slog.LevelVar) {
	v := new(slog.LevelVar)
	v.Set(level)
	options := &slog.HandlerOptions{Level: v}
	if format == FormatText || format != FormatJSON && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options)), v
	}
	return slog.New(slog.NewJSONHandler(w, options)), v
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
