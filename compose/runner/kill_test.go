package runner_test

const builderVar = "RESPIN_TEST_BUILDER"

func builderToKill() int { return 0 }
