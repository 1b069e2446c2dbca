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

// pasteLimit bounds the requests of a sign-in after the address was pasted, with
// their retries.
const pasteLimit = 2 * time.Minute

// amazonSignIn is the page on which the user signs in to Amazon. Only one sign-in is
// under way at a time.
type amazonSignIn struct {
	options *Options
	jobs    *jobs
	setups  setups
	job     job[signInResult]

	mu     sync.Mutex
	signIn *account.SignIn // nil: none is under way
	domain string
	err    string // why it could not begin
}

// signInResult is the result of a sign-in.
type signInResult struct {
	Notes    []string
	SignedIn bool
	Monitors []bridge.DevicePicture
}

type amazonData struct {
	Marketplaces []string
	Domain       string
	Address      string // to open; "" while no sign-in is under way
	Error        string
	Job          jobState[signInResult]
	SignedIn     bool
	Just         bool // signed in on this page, without a problem since
	Problem      bridge.ProblemPicture
	Devices      []bridge.DevicePicture
	Lines        []string
}

func (a *amazonSignIn) content(p bridge.Picture) (data any, busy bool) {
	shown := amazonData{
		Marketplaces: configs.Marketplaces, Domain: a.options.Config.Amazon.Domain, SignedIn: a.setups.done(amazon.Source), Job: a.job.now(),
		Problem: sourceOf(p, amazon.Source).Problem, Devices: devicesOf(p, amazon.Source), Lines: a.setups.lines(amazon.Source),
	}
	shown.Just = shown.Job.Result.SignedIn && !shown.Problem.Since.After(shown.Job.Began)
	if len(shown.Devices) == 0 {
		shown.Devices = shown.Job.Result.Monitors
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	shown.Error = a.err
	if a.signIn != nil {
		shown.Domain, shown.Address = a.domain, a.signIn.Address()
	}
	return shown, shown.Job.Running
}

// begin begins a sign-in, in place of one that is under way.
func (a *amazonSignIn) begin(r *http.Request) string {
	if a.job.now().Running {
		return "/amazon"
	}
	options := sources.AmazonOptions(a.options.Config).Account
	domain, known := configs.FindMarketplace(r.PostForm.Get("domain"))
	options.Domain = domain
	var signIn *account.SignIn
	err := error(sentence("Choose a marketplace from the list."))
	if known {
		signIn, err = account.NewSignIn(options)
	}
	a.replace(signIn, domain, err)
	a.jobs.changed()
	return "/amazon"
}

// replace ends the sign-in that is under way, and puts another one, or nil, in its
// place.
func (a *amazonSignIn) replace(signIn *account.SignIn, domain string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.signIn != nil {
		a.signIn.Close()
	}
	a.signIn, a.domain, a.err = signIn, domain, ""
	if err != nil {
		a.err = err.Error()
	}
}

func (a *amazonSignIn) close() { a.replace(nil, "", nil) }

// paste takes the address of the page on which the sign-in ended, or the code in it.
func (a *amazonSignIn) paste(r *http.Request) string {
	pasted := r.PostForm.Get("address")
	a.job.start(a.jobs, pasteLimit, func(ctx context.Context, update func(func(*signInResult))) error {
		a.mu.Lock()
		signIn := a.signIn
		a.mu.Unlock()
		if signIn == nil {
			return sentence("This sign-in is no longer valid. Begin a new one.")
		}
		return a.finish(ctx, signIn, pasted, update)
	})
	return "/amazon"
}

// finish signs in as the command amazon login does, and then reads the monitors once.
func (a *amazonSignIn) finish(ctx context.Context, signIn *account.SignIn, pasted string, update func(func(*signInResult))) error {
	retry := a.options.Retrier(amazon.Source)
	notes, err := signIn.Finish(ctx, retry, pasted)
	if err != nil {
		return explain(err)
	}
	a.close()
	update(func(r *signInResult) { r.Notes, r.SignedIn = notes, true })
	collector, err := amazon.New(sources.AmazonOptions(a.options.Config))
	if err != nil {
		return err
	}
	defer collector.Close()
	monitors, err := readOnce(ctx, collector, retry)
	if err != nil {
		failed := fmt.Errorf("signed in, but reading the monitors failed: %w", err)
		if collectors.AsThrottled(err) != nil {
			failed = &collectors.RemedyError{Err: failed, Remedy: collector.Advise(err)}
		}
		return errors.Join(failed, a.options.Ready(ctx, amazon.Source))
	}
	update(func(r *signInResult) {
		r.Monitors = monitors
		if len(monitors) == 0 {
			r.Notes = append(r.Notes, "No air quality monitor was found: "+collector.Advise(nil)+".")
		}
	})
	return a.options.Ready(ctx, amazon.Source)
}

// explain adds to an error of a sign-in what the user can do now.
func explain(err error) error {
	if collectors.AsThrottled(err) != nil {
		return sentence(fmt.Sprintf("%v. Wait a quarter of an hour, then open the sign-in page, sign in again, and paste the new address.", err))
	}
	if _, mistaken := errors.AsType[*account.PastedError](err); !mistaken && collectors.ClassOf(err) == collectors.Transient {
		return sentence(fmt.Sprintf("Amazon can't be reached at the moment: %v. Paste the same address again in a minute.", err))
	}
	return err
}
