package gpu

import "fmt"

// applicationXIDs are errors that a program brings on itself, most often with a
// bad memory access, after which the device serves the next one: those that
// NVIDIA's device plugin for Kubernetes passes over (internal/rm/health.go).
// https://docs.nvidia.com/deploy/xid-errors/
var applicationXIDs = map[uint64]bool{13: true, 31: true, 43: true, 45: true, 68: true, 109: true}

// xidTexts are the XIDs that an operator meets most.
var xidTexts = map[uint64]string{
	48:  "double bit ECC error",
	62:  "internal micro-controller halt",
	63:  "row remapping: a reset is due",
	64:  "row remapping failed",
	74:  "NVLink error",
	79:  "fallen off the bus",
	92:  "high single bit ECC error rate",
	94:  "contained memory error",
	95:  "uncontained memory error",
	119: "GSP did not answer",
	120: "GSP error",
	140: "unrecovered ECC error",
}

// XID returns why a device that reported this error must not be used, empty if
// it still may be.
func XID(n uint64) string {
	if applicationXIDs[n] {
		return ""
	}
	if text := xidTexts[n]; text != "" {
		return fmt.Sprintf("XID %d: %s", n, text)
	}
	return fmt.Sprintf("XID %d", n)
}
