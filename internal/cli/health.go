package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is longer than the running program takes to answer and shorter than container
// engines wait for a health check.
const healthTimeout = 4 * time.Second

// newHealthCommand makes the command that is the health check of the container image, which
// has no other program to send a request with.
func newHealthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the running program whether it is healthy",
		Long: `Asks the hueair2mqtt that runs on this machine with the same configuration, at
/healthz of metrics.listen or web.listen, and prints its answer. The container image
uses it as its health check.

Exit code 0: healthy. 1: not healthy, or no answer. 2: neither metrics.listen nor
web.listen is set, or the configuration is invalid.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, "metrics", "web")
			if err != nil {
				return err
			}
			listen := cmp.Or(config.Metrics.Listen, config.Web.Listen)
			if listen == "" {
				return errors.New("set metrics.listen, such as 127.0.0.1:9469: hueair2mqtt reports its health there")
			}
			answer, err := askHealth(cmd.Context(), listen)
			if err != nil {
				return failed(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), answer)
			return err
		},
	}
	return withConfig(cmd)
}

// askHealth asks the program that listens at an address of this machine. The error says what
// is wrong with it.
func askHealth(ctx context.Context, listen string) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(listen)+"/healthz", nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	response, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("hueair2mqtt does not answer: %w: see its log", err)
	}
	defer response.Body.Close()
	const maxAnswer = 1 << 10
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the response: %w", err)
	}
	answer = string(bytes.TrimSpace(text))
	if response.StatusCode != http.StatusOK {
		return "", errors.New(answer)
	}
	return answer, nil
}

// reachable returns the address at which a server that listens at this address is reachable:
// loopback if it listens on all addresses.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch address, err := netip.ParseAddr(host); {
	case host == "", err == nil && address == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case err == nil && address.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
