package rpc

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/agata-fl/agata/pkg/contract"
)

// EncodeReturn makes the body of a good answer around an encoded value.
func EncodeReturn(value json.RawMessage) []byte {
	const head, tail = `{"status_code":200,"return":`, `}`
	b := make([]byte, 0, len(head)+len(value)+len(tail))
	b = append(b, head...)
	b = append(b, value...)
	return append(b, tail...)
}

// EncodeException makes the body of a failed answer.
func EncodeException(code Code, text string) []byte {
	b, err := json.Marshal(contract.Reply{StatusCode: code.WireStatus(), Exception: &text})
	if err != nil { // cannot be: an int and a string
		return []byte(`{"status_code":500,"exception":"Internal error"}`)
	}
	return b
}

// Decode reads an answer: the encoded value it returns, or the [Error] that it
// carries. The code that the service sent beside the body, if any, is finer
// than the body's status.
func Decode(r Reply) (json.RawMessage, error) {
	var env contract.Reply
	if err := json.Unmarshal(r.Body, &env); err != nil {
		return nil, Errorf(Internal, "the answer is not a reply envelope: %w", err)
	}
	switch env.StatusCode {
	case http.StatusOK:
		return env.Return, nil
	case http.StatusBadRequest, http.StatusInternalServerError:
	default:
		return nil, Errorf(Internal, "the answer has the unknown status_code %d", env.StatusCode)
	}
	code := Code(r.Code)
	if !code.known() {
		code = Internal
		if env.StatusCode == http.StatusBadRequest {
			code = Invalid
		}
	}
	text := fmt.Sprintf("status %d without a text", env.StatusCode)
	if env.Exception != nil {
		text = *env.Exception
	}
	return nil, Text(code, text)
}
