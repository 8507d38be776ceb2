package journal

import (
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// isRefusal says that etcd has dealt with a request and gave it an error: it is
// not on its way any more, and repeating it is no use. Any other failure leaves
// open whether the request may yet be carried out.
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
