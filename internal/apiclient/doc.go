// Package apiclient speaks the cloud gateway's /api/v1 for programs: typed
// requests with a deadline and a bound on what is read, lists that come page by
// page, live streams that go on where they broke off, and downloads that resume
// and are checked.
//
// A failure is an [rpc.Error] with the code that the gateway's problem names, so
// that callers see no difference between a function asked at a broker and one
// asked here; the [Problem] itself is its cause. What the API answers is kept as
// it came beside its decoded form ([Object]): a program that passes it on loses
// nothing that a newer gateway adds.
package apiclient
