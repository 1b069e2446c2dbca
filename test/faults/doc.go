// Package faults breaks everything around the shipped program and checks that its
// guarantees still hold. It contains only tests, which "make test-faults" runs.
//
// The tests start the program as users do, with a current Hue bridge and an old one, Alexa, its
// token host, a mail server and Mosquitto on this machine, each behind a proxy. A fault is a row of
// a table (faults_test.go); after each, the same invariants must hold (invariants_test.go).
//
// Everything runs in namespaces: a network with only a loopback interface, so that the search for a
// lost Hue bridge never leaves the machine; mounts, for full disks and another resolv.conf; and
// process ids, so that nothing outlives the tests.
//
// Random choices come from a seed that is printed at the start. SEED=n repeats a run with the same
// faults and values, but not the arrival times of packets.
package faults
