#include "textflag.h"

// The program of a pid namespace's first process; see init_linux_amd64.s.
TEXT ·initProgram(SB), NOSPLIT|NOFRAME, $0
	MOVD RSP, R19             // argc, argv[0], argv[1], argv[2], 0
	MOVD $167, R8             // prctl(PR_SET_NAME, argv[0])
	MOVD $15, R0
	MOVD 8(R19), R1
	SVC
	MOVD $40, R8              // mount(argv[1], argv[2], argv[1], NOSUID|NODEV|NOEXEC, 0)
	MOVD 16(R19), R0
	MOVD 24(R19), R1
	MOVD 16(R19), R2
	MOVD $14, R3
	MOVD $0, R4
	SVC
	SUB  $64, R19, R20
	MOVD R0, 48(R20)          // its result, for the parent
	MOVD $1, R5               // struct sigaction: SIG_IGN, no flags, no mask
	MOVD R5, 0(R20)
	MOVD ZR, 8(R20)
	MOVD ZR, 16(R20)
	MOVD ZR, 24(R20)
	MOVD R20, RSP
	MOVD $134, R8             // rt_sigaction(SIGCHLD, …)
	MOVD $17, R0
	MOVD R20, R1
	MOVD $0, R2
	MOVD $8, R3
	SVC
	MOVD $64, R8              // write(3, &result, 8)
	MOVD $3, R0
	ADD  $48, R20, R1
	MOVD $8, R2
	SVC
	MOVD $57, R8              // close(3)
	MOVD $3, R0
	SVC
wait:
	MOVD $63, R8              // read(0, …, 1): returns when the parent is no more
	MOVD $0, R0
	ADD  $48, R20, R1
	MOVD $1, R2
	SVC
	ADD  $4, R0, R1           // EINTR
	CBZ  R1, wait
	MOVD $94, R8              // exit_group(0): the kernel kills the namespace
	MOVD $0, R0
	SVC
	B    wait

// func initAddress() unsafe.Pointer
TEXT ·initAddress(SB), NOSPLIT, $0-8
	MOVD $·initProgram(SB), R0
	MOVD R0, ret+0(FP)
	RET
