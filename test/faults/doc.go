// Package faults breaks everything around the shipped program and looks whether
// what the README promises still holds. It has nothing but tests, which run by
// "make test-faults" only.
//
// The tests start the program as its users do, beside a Hue bridge of today and an
// old one, Alexa, its token host, a mail server and a real Mosquitto, all on this
// machine, with a proxy of the test's own in front of each. A fault is a row of a
// table (faults_test.go); after each the same invariants must hold
// (invariants_test.go).
//
// All of it runs in namespaces of its own: a network that has nothing but
// loopback, so that a search for a lost Hue bridge leaves the machine never; mounts
// of its own, for full disks and for another resolv.conf; and process ids of its
// own, so that nothing survives the tests.
//
// What is random comes from a seed that is printed at the start. SEED=n repeats
// it: the same faults meet the same home with the same values. When exactly a
// packet arrives no seed decides.
package faults
