package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// The modes of an artifact.
const (
	modeAny  = "any"  // archives are unpacked, other files are copied
	modeFile = "file" // the file as it is, destination is its new name
	modeDir  = "dir"  // a directory, or an archive that becomes one
)

// delivery copies or unpacks one file or directory into a sandbox.
type delivery struct {
	ctx    context.Context
	limits Limits
	name   string // the source's last element
	mode   string
	place  *Place

	root  *os.Root
	bytes int64 // written so far
	files int
}

// deliver brings the file or directory at path to destination.
func (d *delivery) deliver(path string, sum checksum, destination string) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no such file on this agent")
	}
	if err != nil {
		return err
	}
	to, err := d.inside(destination)
	if err != nil {
		return err
	}
	d.root, err = os.OpenRoot(d.place.Root)
	if err != nil {
		return err
	}
	defer d.root.Close()
	if info.IsDir() {
		if sum.make != nil {
			return errors.New("a directory has no checksum; pack it into an archive")
		}
		if d.mode == modeFile {
			return errors.New(`it is a directory, but mode = "file"`)
		}
		return d.copyDir(path, to)
	}
	if err := sum.verify(path); err != nil {
		return err
	}
	kind := archiveKind(d.name)
	switch {
	case d.mode == modeFile:
		return d.copyFile(path, to, info.Mode())
	case kind != "":
		return d.unpack(kind, path, to)
	case d.mode == modeDir:
		return fmt.Errorf(`mode = "dir" needs an archive (%s) or a directory`, strings.Join(archiveSuffixes(), ", "))
	case d.mode != modeAny && d.mode != "":
		return fmt.Errorf("mode %q: want any, file or dir", d.mode)
	}
	return d.copyFile(path, filepath.Join(to, d.name), info.Mode())
}

// inside returns destination relative to the root.
func (d *delivery) inside(destination string) (string, error) {
	to := destination
	if to == "" {
		to = "local/"
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(d.place.Base, to)
	}
	rel, err := filepath.Rel(d.place.Root, to)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("destination %q lies outside the task's sandbox", destination)
	}
	return rel, nil
}

func (d *delivery) copyFile(from, to string, mode fs.FileMode) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.write(to, f, mode)
}

// write makes a file with its parents. Set-user-id bits and the like are dropped.
func (d *delivery) write(to string, from io.Reader, mode fs.FileMode) error {
	if err := d.count(0); err != nil {
		return err
	}
	if err := d.mkdir(filepath.Dir(to)); err != nil {
		return err
	}
	mode = mode.Perm() | 0o200
	// A link at this place, from an archive or an earlier artifact, is replaced
	// and not followed.
	_ = d.root.Remove(to)
	f, err := d.root.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, &meter{d, from})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return d.own(to)
}

// mkdir makes a directory with its parents.
func (d *delivery) mkdir(dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := d.root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := d.mkdir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := d.root.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.own(dir)
}

func (d *delivery) own(path string) error {
	if d.place.Own == nil {
		return nil
	}
	return d.place.Own(filepath.Join(d.place.Root, path))
}

// copyDir copies a directory of the agent. Links are copied as links.
func (d *delivery) copyDir(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch info, err := e.Info(); {
		case err != nil:
			return err
		case e.IsDir():
			return d.mkdir(target)
		case e.Type() == fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return d.link(link, target)
		case !e.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a directory nor a link", rel)
		default:
			return d.copyFile(path, target, info.Mode())
		}
	})
}

// link makes a symbolic link. Where it leads does not matter here: nothing of
// ours follows it out of the root.
func (d *delivery) link(target, at string) error {
	if err := d.count(0); err != nil {
		return err
	}
	if err := d.mkdir(filepath.Dir(at)); err != nil {
		return err
	}
	_ = d.root.Remove(at)
	if err := d.root.Symlink(target, at); err != nil {
		return err
	}
	return d.own(at)
}

// count holds an archive to its limits; every entry counts.
func (d *delivery) count(bytes int64) error {
	d.bytes += bytes
	if bytes == 0 {
		d.files++
	}
	switch {
	case d.bytes > d.limits.UnpackBytes:
		return fmt.Errorf("it holds more than %s", model.FormatBytes(d.limits.UnpackBytes))
	case d.files > d.limits.UnpackFiles:
		return fmt.Errorf("it holds more than %d files", d.limits.UnpackFiles)
	}
	return d.ctx.Err()
}

// meter counts what is read through it.
type meter struct {
	d *delivery
	r io.Reader
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		if over := m.d.count(int64(n)); over != nil {
			return 0, over
		}
	}
	return n, err
}
