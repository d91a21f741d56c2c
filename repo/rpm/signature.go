package rpm

func (p *Package) signatures() []Signature { return nil }
