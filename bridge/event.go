package bridge

// event is what the owner is told: polled, happened, connectionUp, connectionDown,
// received or mailed.
type event any
