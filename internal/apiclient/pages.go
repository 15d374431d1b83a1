package apiclient

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/agata-fl/agata/pkg/rpc"
)

// pageSize is how many lines of a list are asked for at once.
const pageSize = 500

// each walks a list, page by page: only one page is held. field is the list's
// name in the answer. limit bounds the number of values; 0 is none. A failure is
// the last thing that is yielded.
func each[T any](ctx context.Context, c *Client, path string, query url.Values, field string, limit int) iter.Seq2[Object[T], error] {
	return func(yield func(Object[T], error) bool) {
		query := maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		seen := 0
		for cursor := ""; ; {
			size := pageSize
			if limit > 0 {
				size = min(size, limit-seen)
			}
			query.Set("limit", strconv.Itoa(size))
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			list, next, err := page[T](ctx, c, path, query, field)
			if err != nil {
				yield(Object[T]{}, err)
				return
			}
			for _, v := range list {
				if !yield(v, nil) {
					return
				}
				if seen++; seen == limit {
					return
				}
			}
			if next == "" || next == cursor { // the end, or a page that would come again
				return
			}
			cursor = next
		}
	}
}

func page[T any](ctx context.Context, c *Client, path string, query url.Values, field string) (list []Object[T], next string, err error) {
	var answer map[string]json.RawMessage
	if _, err := c.ask(ctx, request{method: http.MethodGet, path: path, query: query}, &answer); err != nil {
		return nil, "", err
	}
	for name, into := range map[string]any{field: &list, "next": &next} {
		if raw, ok := answer[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, "", rpc.Errorf(rpc.Internal, "the gateway's answer to %s: %s: %w", path, name, err)
			}
		}
	}
	if _, ok := answer[field]; !ok {
		return nil, "", rpc.Errorf(rpc.Internal, "the gateway's answer to %s has no %s", path, field)
	}
	return list, next, nil
}

// values are a query's, without those that are empty.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}
