package web

// logPage are the last lines of the log.
type logPage struct{ Lines []string }

func (s *Server) logPage() logPage {
	if s.o.Log == nil {
		return logPage{}
	}
	redact := redactor(s.o.Config)
	lines := s.o.Log.Lines()
	for i, line := range lines {
		lines[i] = redact(line)
	}
	return logPage{lines}
}
