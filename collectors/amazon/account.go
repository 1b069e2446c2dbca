package amazon

import "fmt"

// noMonitorAdvice says what to do where no monitor is listed, and names the account.
// Alexa may leave out what another adult of the household has registered.
func (s *session) noMonitorAdvice() string {
	return fmt.Sprintf("see that the Alexa app shows the monitor when it is signed in to %s; "+
		"a monitor that another adult of the household has registered may not be listed, so sign in to that account instead", s.account())
}

// account describes the account that is read, for people.
func (s *session) account() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.signIn == nil:
		return fmt.Sprintf("the account at %s whose cookies are in %s", s.domain, s.cookiesFile)
	case s.signIn.Holder != "":
		return fmt.Sprintf("the account of %s at %s", s.signIn.Holder, s.signIn.Domain)
	}
	return "the account at " + s.signIn.Domain
}
