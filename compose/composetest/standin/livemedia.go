package main

func (s *session) livemedia([]string) int { return fatal("not yet") }

func (s *session) anaconda([]string) int { return fatal("not yet") }
