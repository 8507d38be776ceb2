package journal

const childDirEnv = "TENDER_JOURNAL_TEST_CHILD"

func runChild(dir string) {}
