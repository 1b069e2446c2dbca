package main

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/configs"
)

// newLogger logs to w as the configuration says.
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
	encoder := zapcore.NewConsoleEncoder(encoding)
	if c.Format == "json" {
		encoder = zapcore.NewJSONEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)), nil
}

func encodeTime(t time.Time, e zapcore.PrimitiveArrayEncoder) {
	e.AppendString(t.Format("2006-01-02T15:04:05.000Z07:00"))
}

// encodeLevel writes the level for what needs the user as "critical"; zap has no
// such level, and its DPanic does nothing but log outside of development.
func encodeLevel(l zapcore.Level, e zapcore.PrimitiveArrayEncoder) {
	if l == zapcore.DPanicLevel {
		e.AppendString("critical")
		return
	}
	e.AppendString(l.String())
}
