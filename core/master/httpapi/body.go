package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// readBody decodes a request's JSON body of at most limit bytes into v. An empty
// body leaves v as it is. A field that v lacks is refused by name.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, v any) *model.Refusal {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return refuseJSON(err)
	}
	switch _, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return refuseJSON(err)
	}
	return model.Refuse(model.ReasonBadRequest, "read the request's body: there is more after the JSON value")
}

func refuseJSON(err error) *model.Refusal {
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &tooLarge):
		return model.Refuse(model.ReasonTooLarge, "the request's body is larger than %s", model.FormatBytes(tooLarge.Limit))
	case errors.As(err, &wrongType):
		return model.Refuse(model.ReasonBadRequest, "read the request's body: field %q cannot be a JSON %s (at byte %d)",
			wrongType.Field, wrongType.Value, wrongType.Offset)
	case errors.As(err, &syntax):
		return model.Refuse(model.ReasonBadRequest, "read the request's body: not valid JSON at byte %d: %s",
			syntax.Offset, syntax.Error())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return model.Refuse(model.ReasonBadRequest, "read the request's body: the JSON ends too early")
	}
	// encoding/json has no type for an unknown field, only its text.
	return model.Refuse(model.ReasonBadRequest, "read the request's body: %s", strings.TrimPrefix(err.Error(), "json: "))
}
