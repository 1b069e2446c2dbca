package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
)

// pasteLimit bounds what comes after the pasting: some requests, with retries.
const pasteLimit = 2 * time.Minute

// signing is the sign-in that is under way, of which there is one.
type signing struct {
	mu     sync.Mutex
	signIn *account.SignIn
	domain string
	wrong  string // why it could not begin
	job    job[signedIn]
}

// signedIn is what came of a sign-in.
type signedIn struct {
	Notes    []string
	SignedIn bool
	Monitors []bridge.DevicePicture
}

type amazonPage struct {
	Marketplaces []string
	Domain       string
	Address      string // to open; empty while no sign-in is under way
	Wrong        string
	Job          jobState[signedIn]
	SignedIn     bool
	Just         bool // signed in here, and nothing has happened to that since
	Problem      bridge.ProblemPicture
	Endpoints    []bridge.EndpointPicture
	Devices      []bridge.DevicePicture
	Lines        []string
	File         string
	StateDir     string
}

func (s *Server) amazonPage(p bridge.Picture) amazonPage {
	page := amazonPage{
		Marketplaces: configs.Marketplaces, Domain: s.o.Config.Amazon.Domain, SignedIn: s.isSetUp(amazon.Source),
		Job: s.signing.job.now(), Endpoints: endpointsOf(p, amazon.Source), Devices: devicesOf(p, amazon.Source),
		File: s.o.ConfigFile, StateDir: s.o.Config.StateDir,
	}
	page.Problem = problemOf(p, amazon.Source)
	page.Just = page.Job.Result.SignedIn && !page.Problem.Since.After(page.Job.Began)
	if page.SignedIn && !s.o.Config.Amazon.Enabled {
		page.Lines = []string{"amazon:", "  enabled: true"}
	}
	if len(page.Devices) == 0 {
		page.Devices = page.Job.Result.Monitors
	}
	s.signing.mu.Lock()
	defer s.signing.mu.Unlock()
	page.Wrong = s.signing.wrong
	if s.signing.signIn != nil {
		page.Domain, page.Address = s.signing.domain, s.signing.signIn.Address()
	}
	return page
}

// doBeginSignIn begins a sign-in, in place of one that is under way.
func (s *Server) doBeginSignIn(r *http.Request, _ visit) string {
	if s.signing.job.now().Running {
		return "/amazon"
	}
	options := sources.AmazonOptions(s.o.Config).Account
	domain, known := configs.FindMarketplace(r.PostForm.Get("domain"))
	options.Domain = domain
	var signIn *account.SignIn
	err := error(sentence("Choose one of the marketplaces."))
	if known {
		signIn, err = account.NewSignIn(options)
	}
	s.signing.replace(signIn, domain, err)
	s.changes.tell()
	return "/amazon"
}

// replace puts a sign-in in the place of the one before; nil ends that.
func (g *signing) replace(signIn *account.SignIn, domain string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.signIn != nil {
		g.signIn.Close()
	}
	g.signIn, g.domain, g.wrong = signIn, domain, ""
	if err != nil {
		g.wrong = err.Error()
	}
}

func (g *signing) close() { g.replace(nil, "", nil) }

func (g *signing) now() *account.SignIn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.signIn
}

// doPaste takes the address that the user's browser ended on, or the code in it.
func (s *Server) doPaste(r *http.Request, _ visit) string {
	pasted := r.PostForm.Get("address")
	s.signing.job.begin(s, pasteLimit, func(ctx context.Context, update func(func(*signedIn))) error {
		signIn := s.signing.now()
		if signIn == nil {
			return sentence("There is no sign-in under way, or not any more: begin a new one.")
		}
		return s.finishSignIn(ctx, signIn, pasted, update)
	})
	return "/amazon"
}

// finishSignIn is what the command amazon login does with the address.
func (s *Server) finishSignIn(ctx context.Context, signIn *account.SignIn, pasted string, update func(func(*signedIn))) error {
	retry := s.o.Retrier(amazon.Source)
	notes, err := signIn.Finish(ctx, retry, pasted)
	if err != nil {
		if collectors.AsThrottled(err) != nil {
			return sentence(fmt.Sprintf("%v. Wait a quarter of an hour, then open the sign-in page, sign in again, and paste the new address.", err))
		}
		if _, mistaken := errors.AsType[*account.PastedError](err); !mistaken && collectors.ClassOf(err) == collectors.Transient {
			return sentence(fmt.Sprintf("Amazon can't be reached at the moment: %v. Paste the same address again in a minute.", err))
		}
		return err
	}
	s.signing.close()
	update(func(r *signedIn) { r.Notes, r.SignedIn = notes, true })
	collector, err := amazon.New(sources.AmazonOptions(s.o.Config))
	if err != nil {
		return err
	}
	defer collector.Close()
	monitors, err := collect(ctx, collector, retry)
	if err != nil {
		failed := fmt.Errorf("the sign-in is kept, but reading the monitors failed: %w", err)
		if collectors.AsThrottled(err) != nil {
			failed = &collectors.RemedyError{Err: failed, Remedy: collector.Advise(err)}
		}
		return errors.Join(failed, s.o.Ready(ctx, amazon.Source))
	}
	update(func(r *signedIn) {
		r.Monitors = monitors
		if len(monitors) == 0 {
			r.Notes = append(r.Notes, "No air quality monitor was found: "+collector.Advise(nil)+".")
		}
	})
	return s.o.Ready(ctx, amazon.Source)
}

// collect reads a source once, as a picture of it.
func collect(ctx context.Context, c collectors.Collector, retry *collectors.Retrier) (seen []bridge.DevicePicture, err error) {
	snapshot, err := c.Collect(ctx, retry)
	if err != nil {
		return nil, err
	}
	for _, d := range snapshot.Devices {
		seen = append(seen, bridge.DevicePicture{Device: d, Source: c.Source(), Reachable: true, Since: time.Now()})
	}
	return seen, nil
}
