package bridge

// event is what the owner is told: polled, connectionUp, connectionDown,
// received or mailed.
type event any
