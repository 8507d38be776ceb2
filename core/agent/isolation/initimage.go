//go:build amd64 || arm64

package isolation

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The first process of a pid namespace has three duties: mount the namespace's
// own /proc, stay, and let orphans vanish when they end. A Go program does that
// with several threads, megabytes of memory and milliseconds of start-up, once
// per task that runs. initProgram is the same in forty instructions; this file
// wraps it in an ELF header, in a memory file that execve(2) can run.
//
// Contract, shared with InitMain, which stands in where this cannot be used:
// argv is name, file system type ("proc"), mount point; descriptor 3 gets the
// result of mount(2) as eight bytes, little endian, and is closed; descriptor 0
// is read until its end, and then the init exits.

func initProgram()
func initAddress() unsafe.Pointer

const (
	initTextBytes = 512 // at least initProgram's length
	initBase      = 0x400000
	elfHeader     = 64
	elfProgram    = 56
)

// initImage returns an ELF executable of initProgram.
func initImage(machine uint16) []byte {
	text := unsafe.Slice((*byte)(initAddress()), initTextBytes)
	const offset = elfHeader + 2*elfProgram
	var b bytes.Buffer
	le := func(fields ...any) {
		for _, f := range fields {
			_ = binary.Write(&b, binary.LittleEndian, f)
		}
	}
	b.WriteString("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	le(uint16(2), machine, uint32(1), uint64(initBase+offset), uint64(elfHeader), uint64(0),
		uint32(0), uint16(elfHeader), uint16(elfProgram), uint16(2), uint16(0), uint16(0), uint16(0))
	const load, stack, r, w, x = 1, 0x6474e551, 4, 2, 1
	le(uint32(load), uint32(r|x), uint64(0), uint64(initBase), uint64(initBase),
		uint64(offset+initTextBytes), uint64(offset+initTextBytes), uint64(4096))
	le(uint32(stack), uint32(r|w), uint64(0), uint64(0), uint64(0), uint64(0), uint64(0), uint64(16))
	b.Write(text)
	return b.Bytes()
}

// initFile returns a descriptor of a memory file with the image, made once.
var initFile = sync.OnceValues(func() (int, error) {
	fd, err := unix.MemfdCreate(initName, unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every memory file is executable
		fd, err = unix.MemfdCreate(initName, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return -1, fmt.Errorf("make memory file for init: %w", err)
	}
	image := initImage(elfMachine)
	if n, err := unix.Write(fd, image); err != nil || n != len(image) {
		unix.Close(fd)
		return -1, fmt.Errorf("write init: %w", err)
	}
	return fd, nil
})
