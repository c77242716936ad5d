// Package parallel does things that do not depend on each other side by side.
package parallel

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Do calls all functions at once, waits for all of them and joins their errors.
// A panic in one becomes its error, for nobody could recover it elsewhere.
func Do(functions ...func() error) error {
	errs := make([]error, len(functions))
	var all sync.WaitGroup
	for i, f := range functions {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("internal fault: %v\n%s", p, debug.Stack())
				}
			}()
			errs[i] = f()
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
