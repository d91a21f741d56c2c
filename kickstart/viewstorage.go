package kickstart

// Partition is a part or partition command.
type Partition struct {
	Mountpoint  string // "/", "swap", "pv.01", "raid.01", "btrfs.01", "biosboot", ...
	Size        int    // MiB
	MaxSize     int    // MiB, with Grow
	Grow        bool
	Recommended bool // the installer chooses the size
	Hibernation bool // swap as large as hibernation wants it
	FSType      string
	FSOptions   string // for fstab
	MkfsOptions string
	Label       string
	Disk        string // --ondisk
	OnPart      string // an existing partition, without /dev/
	AsPrimary   bool
	NoFormat    bool
	Resize      bool
	Encrypted   bool
	Passphrase  string
	LUKSVersion string
	Pos         Position
}

// Partitions lists the part commands in order. A mount point that is there
// twice is there twice in the list: livemedia-creator takes the last.
func (d *Document) Partitions() []Partition {
	var out []Partition
	d.each(func(a *Arguments, pos Position) {
		out = append(out, Partition{
			Mountpoint: a.text("mntpoint"), Size: a.int("size"), MaxSize: a.int("maxSizeMB"), Grow: a.has("grow"),
			Recommended: a.has("recommended"), Hibernation: a.has("hibernation"),
			FSType: a.text("fstype"), FSOptions: a.text("fsopts"), MkfsOptions: a.text("mkfsopts"), Label: a.text("label"),
			Disk: a.text("disk"), OnPart: a.text("onPart"), AsPrimary: a.has("primOnly"), NoFormat: a.noFormat(), Resize: a.has("resize"),
			Encrypted: a.has("encrypted"), Passphrase: a.text("passphrase"), LUKSVersion: a.text("luks_version"), Pos: pos,
		})
	}, "part", "partition")
	return out
}
