package hue

import "fmt"

// maxFaults bounds how many single faults of one answer are told, in the log and
// in memory.
const maxFaults = 20

// faults are what was wrong with single entries of one answer.
type faults struct {
	told []error
	more int
}

func (f *faults) add(format string, args ...any) {
	if len(f.told) == maxFaults {
		f.more++
		return
	}
	f.told = append(f.told, fmt.Errorf(format, args...))
}

func (f *faults) list() []error {
	if f.more == 0 {
		return f.told
	}
	return append(f.told[:len(f.told):len(f.told)], fmt.Errorf("and %d more faults in the same answer", f.more))
}
