package journal

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// isRefusal says that etcd looked at a request and turned it down: nothing was
// written, and nothing will be. Any other failure leaves that open.
func isRefusal(err error) bool {
	for _, refusal := range []error{
		rpctypes.ErrNoSpace, rpctypes.ErrRequestTooLarge, rpctypes.ErrTooManyOps,
		rpctypes.ErrPermissionDenied, rpctypes.ErrUserEmpty, rpctypes.ErrInvalidAuthToken,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
