package artifact

import (
	"archive/tar"
	"archive/zip"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// archives maps a suffix of a file's name to how it is unpacked.
var archives = []struct{ suffix, kind string }{
	{".tar", "tar"},
	{".tar.gz", "gzip"}, {".tgz", "gzip"},
	{".tar.zst", "zstd"}, {".tzst", "zstd"},
	{".tar.bz2", "bzip2"}, {".tbz2", "bzip2"},
	{".zip", "zip"},
}

func archiveKind(name string) string {
	name = strings.ToLower(name)
	for _, a := range archives {
		if strings.HasSuffix(name, a.suffix) {
			return a.kind
		}
	}
	return ""
}

func archiveSuffixes() []string {
	var s []string
	for _, a := range archives {
		s = append(s, a.suffix)
	}
	return s
}

// unpack unpacks the archive at path into directory to.
func (d *delivery) unpack(kind, path, to string) error {
	if err := d.mkdir(to); err != nil {
		return err
	}
	var err error
	if kind == "zip" {
		err = d.unzip(path, to)
	} else {
		err = d.untar(kind, path, to)
	}
	if err != nil {
		return fmt.Errorf("unpack it: %w", err)
	}
	return nil
}

func (d *delivery) untar(kind, path, to string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := decompress(kind, f)
	if err != nil {
		return err
	}
	defer r.Close()
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.tarEntry(t, h, to); err != nil {
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
}

func decompress(kind string, r io.Reader) (io.ReadCloser, error) {
	switch kind {
	case "gzip":
		return gzip.NewReader(r)
	case "bzip2":
		return io.NopCloser(bzip2.NewReader(r)), nil
	case "zstd":
		// One goroutine, and at most what zstd itself recommends to support.
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

func (d *delivery) tarEntry(t *tar.Reader, h *tar.Header, to string) error {
	at, err := entryPath(h.Name, to)
	if err != nil || at == "" {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return d.mkdir(at)
	case tar.TypeReg:
		return d.write(at, t, h.FileInfo().Mode())
	case tar.TypeSymlink:
		return d.link(h.Linkname, at)
	case tar.TypeLink:
		from, err := entryPath(h.Linkname, to)
		if err != nil {
			return err
		}
		if err := d.mkdir(filepath.Dir(at)); err != nil {
			return err
		}
		_ = d.root.Remove(at)
		return d.root.Link(from, at)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return errors.New("it is neither a file nor a directory nor a link")
}

// entryPath returns where an archive's entry goes, "" for the archive's top.
func entryPath(name, to string) (string, error) {
	name = filepath.Clean(strings.TrimPrefix(name, "./"))
	if name == "." {
		return "", nil
	}
	if !filepath.IsLocal(name) {
		return "", errors.New("its path leads out of the archive")
	}
	return filepath.Join(to, name), nil
}

func (d *delivery) unzip(path, to string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if err := d.zipEntry(f, to); err != nil {
			return fmt.Errorf("entry %q: %w", f.Name, err)
		}
	}
	return nil
}

const maxLinkBytes = 4096 // PATH_MAX

func (d *delivery) zipEntry(f *zip.File, to string) error {
	at, err := entryPath(strings.ReplaceAll(f.Name, `\`, "/"), to)
	if err != nil || at == "" {
		return err
	}
	mode := f.Mode()
	if mode.IsDir() {
		return d.mkdir(at)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	switch mode.Type() {
	case 0:
		return d.write(at, r, mode)
	case fs.ModeSymlink:
		target, err := io.ReadAll(io.LimitReader(r, maxLinkBytes))
		if err != nil {
			return err
		}
		return d.link(string(target), at)
	}
	return errors.New("it is neither a file nor a directory nor a link")
}
