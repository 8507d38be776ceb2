package isolation

import "testing"

func insideVM(m *testing.M) int { return m.Run() }
