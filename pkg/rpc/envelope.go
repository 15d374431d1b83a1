package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/agata-fl/agata/pkg/contract"
)

// What is around the value of a good answer, as AGATA writes it.
const (
	returnHead = `{"status_code":200,"return":`
	returnTail = `}`
)

// EncodeReturn makes the body of a good answer around an encoded value.
func EncodeReturn(value json.RawMessage) []byte {
	b := make([]byte, 0, len(returnHead)+len(value)+len(returnTail))
	b = append(b, returnHead...)
	b = append(b, value...)
	return append(b, returnTail...)
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
	if value, ok := bytes.CutPrefix(r.Body, []byte(returnHead)); ok {
		// As AGATA writes it; if what is left is one value, it is all there is.
		if value, ok = bytes.CutSuffix(value, []byte(returnTail)); ok && json.Valid(value) {
			return value, nil
		}
	}
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
