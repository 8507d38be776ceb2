#include "textflag.h"

// The program of a pid namespace's first process. It is never called: initImage
// copies it into an ELF file of its own (see initimage.go for its contract).
// It uses registers and the initial stack only and refers to no address, so it
// runs wherever it is loaded.
TEXT ·initProgram(SB), NOSPLIT|NOFRAME, $0
	MOVQ SP, BX               // argc, argv[0], argv[1], argv[2], 0
	MOVQ $157, AX             // prctl(PR_SET_NAME, argv[0])
	MOVQ $15, DI
	MOVQ 8(BX), SI
	SYSCALL
	MOVQ $165, AX             // mount(argv[1], argv[2], argv[1], NOSUID|NODEV|NOEXEC, 0)
	MOVQ 16(BX), DI
	MOVQ 24(BX), SI
	MOVQ 16(BX), DX
	MOVQ $14, R10
	XORQ R8, R8
	SYSCALL
	MOVQ AX, -8(BX)           // its result, for the parent
	MOVQ $1, -40(BX)          // struct sigaction: SIG_IGN, no flags, no mask
	MOVQ $0, -32(BX)
	MOVQ $0, -24(BX)
	MOVQ $0, -16(BX)
	MOVQ $13, AX              // rt_sigaction(SIGCHLD, …): orphans vanish when they end
	MOVQ $17, DI
	LEAQ -40(BX), SI
	XORQ DX, DX
	MOVQ $8, R10
	SYSCALL
	MOVQ $1, AX               // write(3, &result, 8)
	MOVQ $3, DI
	LEAQ -8(BX), SI
	MOVQ $8, DX
	SYSCALL
	MOVQ $3, AX               // close(3)
	MOVQ $3, DI
	SYSCALL
wait:
	XORQ AX, AX               // read(0, …, 1): returns when the parent is no more
	XORQ DI, DI
	LEAQ -8(BX), SI
	MOVQ $1, DX
	SYSCALL
	CMPQ AX, $-4              // EINTR
	JEQ  wait
	MOVQ $231, AX             // exit_group(0): the kernel kills the namespace
	XORQ DI, DI
	SYSCALL
	JMP  wait

// func initAddress() unsafe.Pointer
TEXT ·initAddress(SB), NOSPLIT, $0-8
	LEAQ ·initProgram(SB), AX
	MOVQ AX, ret+0(FP)
	RET
