//go:build !amd64 && !arm64

package isolation

import "errors"

func initFile() (int, error) { return -1, errors.ErrUnsupported }
