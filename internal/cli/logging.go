package cli

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/logfile"
)

// openLog opens the log of the service: log.file, or stderr. If there is a file, stderr gets
// the messages about its failures.
func openLog(c configs.Log, stderr io.Writer) (log *zap.Logger, closeLog func(), err error) {
	onStderr, err := newLogger(c, stderr)
	if err != nil || c.File == "" {
		return onStderr, func() {}, err
	}
	onStderr = onStderr.With(zap.String("file", c.File))
	file, err := logfile.Open(c.File, logfile.Notice{
		Failed: func(err error) {
			onStderr.Error("log.file can't be written, so its lines are lost: run hueair2mqtt check to see what to do", zap.Error(err))
		},
		Recovered: func(lost int) {
			onStderr.Warn("log.file is written again", zap.Int("lines_lost", lost))
			log.Warn("lines are missing here because log.file could not be written", zap.Int("lines_lost", lost))
		},
		Replaced: func() {
			onStderr.Warn("log.file was deleted or renamed; a new one was created")
		},
		Ended: func(lost int) {
			onStderr.Error("the last lines of log.file could not be written", zap.Int("lines_lost", lost))
		},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("log.file: %w; name another file", err)
	}
	if log, err = newLogger(c, file); err != nil {
		return nil, nil, err
	}
	return log, file.Close, nil
}

// newLogger returns a logger that writes to w in the configured format.
func newLogger(c configs.Log, w io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	encoding := zapcore.EncoderConfig{
		TimeKey:          "time",
		LevelKey:         "level",
		MessageKey:       "message",
		LineEnding:       zapcore.DefaultLineEnding,
		EncodeTime:       encodeTime,
		EncodeLevel:      encodeLevel,
		EncodeDuration:   zapcore.StringDurationEncoder,
		ConsoleSeparator: " ",
	}
	if c.Format == "auto" && isJournal(w) {
		encoding.TimeKey = "" // the journal adds one
		encoding.EncodeLevel = encodePriority
	}
	encoder := zapcore.NewConsoleEncoder(encoding)
	if c.Format == "json" {
		encoder = zapcore.NewJSONEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)), nil
}

func encodeTime(t time.Time, e zapcore.PrimitiveArrayEncoder) {
	e.AppendString(t.Format("2006-01-02T15:04:05.000Z07:00"))
}

// encodeLevel writes DPanic, the level of messages that need the user, as "critical", which
// zap lacks. Outside of development DPanic only logs.
func encodeLevel(l zapcore.Level, e zapcore.PrimitiveArrayEncoder) {
	if l == zapcore.DPanicLevel {
		e.AppendString("critical")
		return
	}
	e.AppendString(l.String())
}

// encodePriority writes the level as the prefix that the journal understands (sd-daemon(3))
// and again as a word.
func encodePriority(l zapcore.Level, e zapcore.PrimitiveArrayEncoder) {
	// syslog(3): 2 critical, 3 error, 4 warning, 6 informational, 7 debug.
	priority, name := "<6>", l.String()
	switch {
	case l >= zapcore.DPanicLevel:
		priority, name = "<2>", "critical"
	case l == zapcore.ErrorLevel:
		priority = "<3>"
	case l == zapcore.WarnLevel:
		priority = "<4>"
	case l == zapcore.DebugLevel:
		priority = "<7>"
	}
	e.AppendString(priority + name)
}

// isJournal reports whether w is connected to the journal. systemd passes the device and inode
// (systemd.exec(5)), so a file to which w was redirected isn't mistaken for it.
func isJournal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
