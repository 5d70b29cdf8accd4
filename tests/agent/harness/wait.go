package harness

import (
	"fmt"
	"testing"
	"time"
)

// Pause is the time between two looks at a condition that nothing announces.
const Pause = 50 * time.Millisecond

// Eventually looks at a condition until it holds; its last error is the failure's text.
func Eventually(t testing.TB, limit time.Duration, what string, holds func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("\nnot within %s: %s: %v", limit, what, err)
		}
		time.Sleep(Pause)
	}
}

// Receive takes one value from a channel.
func Receive[T any](t testing.TB, limit time.Duration, what string, from <-chan T) T {
	t.Helper()
	select {
	case value, open := <-from:
		if !open {
			t.Fatalf("\nclosed without a value: %s", what)
		}
		return value
	case <-time.After(limit):
		t.Fatalf("\nnot within %s: %s", limit, what)
	}
	panic("unreachable")
}

func unlike(want, got string) error {
	return fmt.Errorf("expected %q, got %q", want, got)
}
