package bridge

// event is what the owner is told: polled, happened, connectionUp, connectionFailed,
// connectionDown, received or mailed.
type event any
