// Package sdktest plays a small deterministic master for tests of framework
// policies: it makes offers, checks accepts, keeps the journal and replays it.
//
// Whatever a test does, three things are checked after every input:
//
//   - a shadow of the framework, which is fed the journal alone, has the same
//     Snapshot bytes as the framework itself;
//   - no task id is launched twice, and no slot has two live attempts;
//   - an accept stays within its offer, and a gang's takes all of it.
//
// Script runs datadriven transcripts, so that a scenario reads top to bottom.
package sdktest
