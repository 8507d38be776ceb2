package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// permanentError is one that trying again does not mend.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// get downloads a to path, trying again after passing failures.
func (s *Store) get(ctx context.Context, a *model.Artifact, path string) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory for downloads: %w", err)
	}
	pause := s.limits.RetryAfter
	for try := 1; ; try++ {
		err := s.getOnce(ctx, a, path)
		var permanent permanentError
		if err == nil || errors.As(err, &permanent) || try >= s.limits.Tries || ctx.Err() != nil {
			if err != nil && try > 1 {
				err = fmt.Errorf("%w (after %d tries)", err, try)
			}
			return err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Store) getOnce(ctx context.Context, a *model.Artifact, path string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Source, nil)
	if err != nil {
		return permanentError{err}
	}
	for k, v := range a.Headers {
		req.Header.Set(k, v)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("the server answered %s", resp.Status)
		if resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
			return permanentError{err}
		}
		return err
	}
	if resp.ContentLength > s.limits.FileBytes {
		return permanentError{s.tooLarge()}
	}
	temp := path + ".part"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return permanentError{err}
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	n, err := io.Copy(f, io.LimitReader(resp.Body, s.limits.FileBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n > s.limits.FileBytes {
		return permanentError{s.tooLarge()}
	}
	return os.Rename(temp, path)
}

func (s *Store) tooLarge() error {
	return fmt.Errorf("it is larger than %s", model.FormatBytes(s.limits.FileBytes))
}
