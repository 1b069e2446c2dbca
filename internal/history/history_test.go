package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/internal/history"
)

// kept is a log under test with its log lines.
type kept struct {
	*history.Log
	t    testing.TB
	logs *observer.ObservedLogs
	dir  string
}

const week = 7 * 24 * time.Hour

func openLog(t testing.TB, dir string) *kept { return openBounded(t, dir, week, 64e6) }

func openBounded(t testing.TB, dir string, age time.Duration, bytes int64) *kept {
	core, logs := observer.New(zapcore.InfoLevel)
	return &kept{history.Open(history.Options{Dir: dir, MaxAge: age, MaxBytes: bytes, Log: zap.New(core)}), t, logs, dir}
}

// state is a state with a number in it.
func state(n int) []byte { return fmt.Appendf(nil, `{"motion":true,"temperature":%d}`, n) }

// add adds the readings from first to last and returns their keys.
func (k *kept) add(live bool, first, last int) (keys []history.Key) {
	for n := first; n <= last; n++ {
		keys = append(keys, k.Add("hue_1", time.Now(), state(n), live))
	}
	return keys
}

// waiting returns the records that Next has now, at most so many.
func (k *kept) waiting(most int) []history.Record {
	k.t.Helper()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	records, err := k.Next(over, most)
	if err != nil && (!errors.Is(err, context.Canceled) || len(records) > 0) {
		k.t.Fatalf("%v with %d records", err, len(records))
	}
	return records
}

// replay takes all records, in portions as a session does.
func (k *kept) replay() (records []history.Record) {
	k.t.Helper()
	for {
		portion := k.waiting(20)
		if len(portion) == 0 {
			return records
		}
		k.Replayed(keysOf(portion)...)
		records = append(records, portion...)
	}
}

func keysOf(records []history.Record) (keys []history.Key) {
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

// numbers returns the numbers that state has put into the records.
func numbers(t testing.TB, records []history.Record) (ns []int) {
	t.Helper()
	for _, r := range records {
		var n int
		if _, err := fmt.Sscanf(string(r.State), `{"motion":true,"temperature":%d}`, &n); err != nil {
			t.Fatalf("%q: %v", r.State, err)
		}
		ns = append(ns, n)
	}
	return ns
}

func ids(records []history.Record) (ids []string) {
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

// from returns the numbers from first to last.
func from(first, last int) (ns []int) {
	for n := first; n <= last; n++ {
		ns = append(ns, n)
	}
	return ns
}

func (k *kept) wantReplay(want []int) {
	k.t.Helper()
	if got := numbers(k.t, k.replay()); !slices.Equal(got, want) {
		k.t.Errorf("replayed %v, want %v", got, want)
	}
}

func (k *kept) wantFiles(want int) {
	k.t.Helper()
	if files := filesIn(k.t, k.dir); len(files) != want {
		k.t.Errorf("%d files, want %d: %v", len(files), want, files)
	}
}

func filesIn(t testing.TB, dir string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		files = append(files, filepath.Join(dir, e.Name()))
	}
	return files
}

func TestRecordsReplayInOrder(t *testing.T) {
	k := openLog(t, t.TempDir())
	defer k.Close()
	at := time.Now().Add(-time.Hour).Truncate(time.Second).Add(123456789).In(time.FixedZone("", 3600))
	k.Add("hue_1", at, state(1), false)
	k.Add("amazon_x", at.Add(time.Second), []byte(`{}`), false)
	got := k.waiting(9)
	if len(got) != 2 {
		t.Fatalf("%d records", len(got))
	}
	if r := got[0]; r.Device != "hue_1" || string(r.State) != string(state(1)) || !r.Time.Equal(at.Truncate(time.Microsecond)) || r.Time.Location() != time.UTC {
		t.Errorf("%+v", r)
	}
	if r := got[1]; r.Device != "amazon_x" || string(r.State) != "{}" || r.ID == got[0].ID {
		t.Errorf("%+v", r)
	}
	if again := k.waiting(9); !slices.Equal(ids(again), ids(got)) {
		t.Errorf("the same come as %v, and again as %v", ids(got), ids(again))
	}
	k.Replayed(got[0].Key, got[1].Key, got[1].Key)
	if s := k.Stats(); s.Waiting != 0 || s.Replayed != 2 || s.Kept != 2 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
	if left := k.waiting(9); len(left) > 0 {
		t.Errorf("comes again: %v", left)
	}
}

func TestKilledProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	k := openLog(t, dir)
	k.add(false, 1, 50)
	replayed := k.waiting(20)
	k.Replayed(keysOf(replayed)...)
	repeated := k.waiting(20)
	k.add(true, 51, 60)
	copied := copyOf(t, dir) // what the disk holds if the process ends here

	again := openLog(t, copied)
	defer again.Close()
	if again.Stats().Waiting != 40 {
		t.Errorf("%+v", again.Stats())
	}
	records := again.replay()
	if got := numbers(t, records); !slices.Equal(got, from(21, 60)) {
		t.Errorf("replayed %v", got)
	}
	if !slices.Equal(ids(records)[:20], ids(repeated)) {
		t.Errorf("ids %v, before the restart %v", ids(records)[:20], ids(repeated))
	}
	again.wantFiles(1)
	k.Close()
}

// copyOf copies a directory of a log that may be in use.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestLiveReadingIsHistoryUnlessAcknowledged(t *testing.T) {
	k := openLog(t, t.TempDir())
	defer k.Close()
	live := k.add(true, 1, 6)
	k.add(false, 7, 7)
	if got := k.waiting(9); len(got) > 0 {
		t.Errorf("overtaken by history: %v", numbers(t, got))
	}
	k.Acknowledge(live[0], live[2])
	k.Release(live[1])
	k.Release(live[2]) // too late
	if got := numbers(t, k.waiting(9)); !slices.Equal(got, []int{2}) {
		t.Errorf("before the fourth, which is under way, come %v", got)
	}
	k.Acknowledge(live[4])
	k.ReleaseAll()
	if s := k.Stats(); s.Kept != 4 || s.Waiting != 4 {
		t.Errorf("%+v", s)
	}
	k.wantReplay([]int{2, 4, 6, 7})
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openLog(t, t.TempDir())
		defer k.Close()
		var got []history.Record
		next := func() {
			var err error
			if got, err = k.Next(t.Context(), 5); err != nil {
				t.Error(err)
			}
		}
		go next()
		synctest.Wait()
		key := k.add(true, 1, 1)[0]
		synctest.Wait()
		if got != nil {
			t.Fatal("a live reading came")
		}
		k.add(false, 2, 2)
		synctest.Wait()
		if got != nil {
			t.Fatal("a live reading was overtaken")
		}
		k.Acknowledge(key)
		synctest.Wait()
		if !slices.Equal(numbers(t, got), []int{2}) {
			t.Fatalf("got %v", got)
		}
		k.Replayed(keysOf(got)...)
		got = nil
		live := k.add(true, 3, 3)[0]
		go next()
		synctest.Wait()
		k.Release(live)
		synctest.Wait()
		if !slices.Equal(numbers(t, got), []int{3}) {
			t.Fatalf("got %v", got)
		}
	})
}

// While the broker is connected, nothing stays on the disk.
func TestNormalOperationLeavesDiskEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openLog(t, t.TempDir())
		defer k.Close()
		for range 200 {
			k.Acknowledge(k.add(true, 1, 20)...)
			time.Sleep(time.Minute)
			synctest.Wait()
			if s := k.Stats(); s.Bytes != 0 || s.Waiting != 0 || s.Kept != 0 {
				t.Fatalf("%+v", s)
			}
		}
		k.wantFiles(1)
		if info, err := os.Stat(filesIn(t, k.dir)[0]); err != nil || info.Size() != 0 {
			t.Errorf("%v bytes, %v", info.Size(), err)
		}
	})
}

// Ids are unique, also after a file was emptied and after a restart.
func TestIDsAreUnique(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		seen := make(map[string]bool)
		for range 3 {
			k := openLog(t, dir)
			for range 3 {
				k.add(false, 1, 5)
				for _, r := range k.replay() {
					if seen[r.ID] {
						t.Errorf("%s came twice", r.ID)
					}
					seen[r.ID] = true
				}
				time.Sleep(time.Minute)
			}
			k.Close()
		}
		if len(seen) != 45 {
			t.Errorf("%d ids", len(seen))
		}
	})
}

// Acknowledgements of states are on the disk after a while, even if earlier records are
// still waiting.
func TestAcknowledgementsSurvive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openLog(t, t.TempDir())
		defer k.Close()
		k.add(false, 1, 10)
		k.Acknowledge(k.add(true, 11, 20)...)
		k.add(false, 21, 22)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		again := openLog(t, copyOf(t, k.dir))
		defer again.Close()
		again.wantReplay(append(from(1, 10), 21, 22))
	})
}

func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	const n = 5000
	k := openBounded(t, dir, week, 16*64<<10)
	k.add(false, 1, n/2)
	k.Close()
	k = openBounded(t, dir, week, 16*64<<10)
	k.add(false, n/2+1, n)
	if files := filesIn(t, dir); len(files) < 5 {
		t.Errorf("only %d files", len(files))
	}
	k.wantReplay(from(1, n))
	k.wantFiles(1)
	k.Close()
	k.wantFiles(0)
}

func TestSizeLimit(t *testing.T) {
	const bound = 128 << 10
	dir := t.TempDir()
	k := openBounded(t, dir, week, bound)
	for n := 1; n <= 5000; n++ {
		k.add(false, n, n)
		if n%500 == 0 {
			total := int64(0)
			for _, file := range filesIn(t, dir) {
				info, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				total += info.Size()
			}
			if total > bound || total != k.Stats().Bytes {
				t.Fatalf("%d bytes on the disk, %+v", total, k.Stats())
			}
		}
	}
	got := numbers(t, k.replay())
	s := k.Stats()
	if int(s.Overflowed)+len(got) != 5000 || s.Overflowed == 0 || !slices.Equal(got, from(int(s.Overflowed)+1, 5000)) {
		t.Errorf("%d come from %d on; %+v", len(got), got[0], s)
	}
	if len(got) < 5000*bound/2/(5000*80) {
		t.Errorf("only %d readings fit", len(got))
	}
	if logged := k.logs.FilterMessageSnippet("oldest recorded").Len(); logged != 1 {
		t.Errorf("logged %d times that readings are dropped", logged)
	}
	k.Close()
}

// A log without space for another line is replayed without dropping any.
func TestReplayAtSizeLimit(t *testing.T) {
	const bound = 64 << 10
	k := openBounded(t, t.TempDir(), week, bound)
	defer k.Close()
	n := 0
	for k.Stats().Bytes+100 < bound {
		n++
		k.add(false, n, n)
	}
	if s := k.Stats(); s.Overflowed > 0 || s.Bytes < bound-100 {
		t.Fatalf("%+v", s)
	}
	k.wantReplay(from(1, n))
}

func TestAgeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := openLog(t, t.TempDir())
		defer k.Close()
		const hours = 10 * 24
		for n := 1; n <= hours; n++ {
			k.add(false, n, n)
			time.Sleep(time.Hour)
		}
		// The disk may hold a sixteenth of a week more than a week.
		if waiting := k.Stats().Waiting; waiting < 7*24 || waiting > 7*24+11+1 {
			t.Errorf("%d hours wait", waiting)
		}
		k.wantReplay(from(hours-7*24+1, hours))
		if s := k.Stats(); s.Expired != hours-7*24 || s.Overflowed+s.Damaged+s.Unwritten != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A clock that is set back, or was wrong for a while, drops nothing that is new.
func TestClockJumps(t *testing.T) {
	k := openLog(t, t.TempDir())
	defer k.Close()
	now := time.Now()
	for n, at := range []time.Time{now, now.Add(-5 * time.Hour), now.Add(5 * time.Hour), now.Add(-time.Hour)} {
		k.Add("hue_1", at, state(n+1), false)
	}
	k.wantReplay(from(1, 4))
}

// TestEveryBrokenByte breaks each byte of a file in turn. All readings except those with
// the byte are replayed, and the loss is counted and logged.
func TestEveryBrokenByte(t *testing.T) {
	dir := t.TempDir()
	k := openLog(t, dir)
	k.add(false, 1, 3)
	k.Replayed(keysOf(k.waiting(1))...)
	k.add(false, 4, 6)
	file := filesIn(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	for _, broken := range []byte{0x01, 0x80, '\n'} {
		for i := range whole {
			content := slices.Clone(whole)
			if content[i] ^= broken; broken == '\n' {
				content[i] = broken // a line break that is none
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600); err != nil {
				t.Fatal(err)
			}
			k := openLog(t, dir)
			got := numbers(t, k.replay())
			hit := touched(whole, i)
			if string(content) == string(whole) {
				hit = nil
			}
			for n := 2; n <= 6; n++ {
				if !slices.Contains(got, n) && !slices.Contains(hit, n) {
					t.Fatalf("byte %d turned into %q: %d is missing, though it is part of %v", i, content[i], n, hit)
				}
			}
			if !slices.IsSorted(got) || len(slices.Compact(got)) != len(got) {
				t.Fatalf("byte %d: %v", i, got)
			}
			lost := 5 - len(slices.DeleteFunc(got, func(n int) bool { return n == 1 }))
			if s := k.Stats(); lost > 0 && i < len(whole)-1 && (s.Damaged == 0 || k.logs.FilterMessageSnippet("damaged").Len() != 1) {
				t.Fatalf("byte %d: %d lost, but counted %d and logged %d times", i, lost, s.Damaged, k.logs.FilterMessageSnippet("damaged").Len())
			}
			k.Close()
		}
	}
}

// touched returns the readings that contain the byte at this position. A line break
// belongs to the lines before and after it.
func touched(content []byte, at int) (ns []int) {
	begin := 0
	for line := range strings.SplitAfterSeq(string(content), "\n") {
		end := begin + len(line)
		if at >= begin && at < end || at == begin-1 {
			var n int
			if _, rest, ok := strings.Cut(line, `"temperature":`); ok {
				fmt.Sscan(strings.TrimRight(rest, "}\n"), &n)
				ns = append(ns, n)
			}
		}
		begin = end
	}
	return ns
}

// TestTornTail cuts a file at each place, as a power failure may.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	k := openLog(t, dir)
	k.add(false, 1, 4)
	file := filesIn(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	for size := range whole {
		for _, tail := range []string{"", strings.Repeat("\x00", 100)} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), append(slices.Clone(whole[:size]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			k := openLog(t, dir)
			k.add(false, 5, 6) // after the torn tail
			complete := strings.Count(string(whole[:size]), "\n")
			if tail == "" && whole[size] == '\n' {
				complete++ // only the line break is missing
			}
			k.wantReplay(append(from(1, complete), 5, 6))
			if s := k.Stats(); s.Damaged != 0 {
				t.Fatalf("cut at %d: %+v", size, s)
			}
			k.Close()
		}
	}
}

// Damage while the program runs is found when the file is read.
func TestDamageWhileRunning(t *testing.T) {
	dir := t.TempDir()
	k := openLog(t, dir)
	defer k.Close()
	k.add(false, 1, 100)
	f, err := os.OpenFile(filesIn(t, dir)[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 200), 3000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	got := numbers(t, k.replay())
	s := k.Stats()
	if lost := 100 - len(got); lost < 3 || lost > 5 || s.Damaged != int64(lost) || s.Waiting != 0 {
		t.Errorf("%d come; %+v", len(got), s)
	}
	if k.logs.FilterMessageSnippet("damaged").Len() != 1 {
		t.Errorf("%v", k.logs.All())
	}
	k.add(false, 101, 102)
	k.wantReplay(from(101, 102))
}

func TestUnusableDirectoryRecovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file is in its place
		t.Fatal(err)
	}
	k := openLog(t, dir)
	defer k.Close()
	for _, key := range k.add(true, 1, 3) {
		if !key.IsZero() {
			t.Error("it has a key")
		}
	}
	if got := k.waiting(5); len(got) > 0 {
		t.Error(got)
	}
	if s := k.Stats(); s.Unwritten != 3 || s.Kept != 0 {
		t.Errorf("%+v", s)
	}
	if n := k.logs.FilterLevelExact(zapcore.ErrorLevel).Len(); n != 1 {
		t.Errorf("logged %d times: %v", n, k.logs.All())
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	k.add(false, 4, 5)
	if k.logs.FilterMessageSnippet("recorded again").Len() != 1 {
		t.Errorf("%v", k.logs.All())
	}
	k.wantReplay(from(4, 5))
}

// Two programs must not remove each other's readings.
func TestDirectoryIsExclusive(t *testing.T) {
	dir := t.TempDir()
	first := openLog(t, dir)
	first.add(false, 1, 2)
	second := openLog(t, dir)
	defer second.Close()
	if key := second.add(false, 3, 3)[0]; !key.IsZero() || second.logs.FilterMessageSnippet("can't be recorded").Len() != 1 {
		t.Errorf("the second may write: %v", second.logs.All())
	}
	first.Close()
	second.add(false, 4, 4)
	second.wantReplay([]int{1, 2, 4})
}

func TestUnreadableFileRemains(t *testing.T) {
	dir := t.TempDir()
	k := openLog(t, dir)
	k.add(false, 1, 2)
	k.Close()
	k = openLog(t, dir)
	k.add(false, 3, 4)
	files := filesIn(t, dir)
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	k.wantReplay(from(3, 4))
	if n := k.logs.FilterMessageSnippet("can't be read").Len(); n != 1 {
		t.Errorf("logged %d times", n)
	}
	k.Close()
}

// People start the program with sudo once, and the service continues later.
func TestFilesMatchOwnerOfStateDir(t *testing.T) {
	state := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(state, 4711, 4712); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(state, "history")
	k := openLog(t, dir)
	defer k.Close()
	k.add(false, 1, 1)
	of := func(path string) [2]uint32 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		return [2]uint32{owner.Uid, owner.Gid}
	}
	for path, mode := range map[string]os.FileMode{dir: 0o750, filesIn(t, dir)[0]: 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if of(path) != of(state) || info.Mode().Perm() != mode {
			t.Errorf("%s is %v's with %v, the state directory %v's", path, of(path), info.Mode(), of(state))
		}
	}
}

// Other files in the directory are not read.
func TestForeignFilesRemain(t *testing.T) {
	dir := t.TempDir()
	foreign := []string{"00000001-aaaaaaaaaa.history.bak", "1-aaaaaaaaaa.history", "00000000-aaaaaaaaaa.history", "notes", "99999999999999999999-aaaaaaaaaa.history"}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "notes"), filepath.Join(dir, "00000007-aaaaaaaaaa.history")); err != nil {
		t.Fatal(err)
	}
	k := openLog(t, dir)
	k.add(false, 1, 2)
	k.wantReplay(from(1, 2))
	k.Close()
	k.wantFiles(len(foreign) + 1)
}
