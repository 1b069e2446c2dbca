// Command manual writes the manual pages and completions of hueair2mqtt from its commands.
//
//	go run ./packaging/manual DIRECTORY
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./packaging/manual DIRECTORY")
		os.Exit(2)
	}
	if err := writeDocs(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "write the manual pages:", err)
		os.Exit(1)
	}
}

// writeDocs writes the folders man and completions of the package to dir. The pages have the
// date of SOURCE_DATE_EPOCH, so that the build is reproducible.
func writeDocs(dir string) error {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	date := time.Unix(seconds, 0).UTC()
	root := cli.NewRootCommand()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()

	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	if err := errors.Join(os.MkdirAll(man, 0o755), os.MkdirAll(completions, 0o755)); err != nil {
		return err
	}
	if err := writePages(man, root, date); err != nil {
		return err
	}
	if err := writeCompressed(filepath.Join(man, "hueair2mqtt.yaml.5.gz"), configPage(date)); err != nil {
		return err
	}
	for file, write := range map[string]func(string) error{
		"hueair2mqtt.bash": func(f string) error { return root.GenBashCompletionFileV2(f, true) },
		"_hueair2mqtt":     root.GenZshCompletionFile,
		"hueair2mqtt.fish": func(f string) error { return root.GenFishCompletionFile(f, true) },
	} {
		if err := write(filepath.Join(completions, file)); err != nil {
			return err
		}
	}
	return nil
}

// writePages writes the pages of a command and its subcommands.
func writePages(dir string, cmd *cobra.Command, date time.Time) error {
	if !cmd.IsAvailableCommand() && cmd.HasParent() || cmd.Name() == "completion" || cmd.Name() == "help" {
		return nil
	}
	for _, below := range cmd.Commands() {
		if err := writePages(dir, below, date); err != nil {
			return err
		}
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	var page bytes.Buffer
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &date, Source: "hueair2mqtt", Manual: "hueair2mqtt"}
	if err := doc.GenMan(cmd, header, &page); err != nil {
		return err
	}
	return writeCompressed(filepath.Join(dir, name+".1.gz"), page.Bytes())
}

// configPage returns the page of the configuration: the default file, which explains every key.
func configPage(date time.Time) []byte {
	var page bytes.Buffer
	fmt.Fprintf(&page, `.TH HUEAIR2MQTT.YAML 5 "%s" "hueair2mqtt" "hueair2mqtt"
.SH NAME
hueair2mqtt.yaml \- configuration of hueair2mqtt
.SH SYNOPSIS
%s
.SH DESCRIPTION
The file as the package installs it, which explains every key:
.PP
.nf
`, date.Format("Jan 2006"), configs.DefaultFile)
	for line := range strings.Lines(string(configs.Default)) {
		line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		page.WriteString(line)
	}
	page.WriteString(`.fi
.SH SEE ALSO
\fBhueair2mqtt\fP(1)
`)
	return page.Bytes()
}

// writeCompressed writes a file compressed as Debian requires: as small as possible, without
// name and time.
func writeCompressed(file string, content []byte) error {
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.WriteFile(file, compressed.Bytes(), 0o644)
}
