package koji

import "context"

// SideTag is a side tag as the hub's plugin lists it.
type SideTag struct {
	ID       int    `koji:"id"`
	Name     string `koji:"name"`
	UserID   int    `koji:"user_id"`
	UserName string `koji:"user_name"`
}

func listSideTags(baseTag, user string, p Page) spec[[]SideTag] {
	what, ref := "tag", baseTag
	if ref == "" {
		what, ref = "user", user
	}
	return value[[]SideTag]("listSideTags").with(keywords{}.text("basetag", baseTag).text("user", user).page(p)).of(what, ref)
}

// ListSideTags returns the side tags of a base tag and of a user; "" is any. A
// base tag or user that does not exist is a *NotFoundError. A hub without the
// plugin answers with a *Fault that says "Invalid method"; see Client.Has.
func (c *Client) ListSideTags(ctx context.Context, baseTag, user string) ([]SideTag, error) {
	return call(ctx, c, listSideTags(baseTag, user, Page{}))
}

// ListSideTags adds Client.ListSideTags.
func (b *Batch) ListSideTags(baseTag, user string) *Pending[[]SideTag] {
	return add(b, listSideTags(baseTag, user, Page{}))
}

// NewSideTag is a side tag that was just created.
type NewSideTag struct {
	ID     int    `koji:"id"`
	Name   string `koji:"name"`
	TaskID *int   `koji:"task_id"` // that makes its first repository, if there is one
	// Request is the request for its first repository, on hubs that ask for one.
	Request map[string]any `koji:"request"`
}

// SideTagOptions are wishes for a side tag.
type SideTagOptions struct {
	Debuginfo bool   // repositories with debuginfo
	Suffix    string // behind the name, where the hub allows it
}

func createSideTag(baseTag string, o SideTagOptions) spec[NewSideTag] {
	return value[NewSideTag]("createSideTag", baseTag).
		with(keywords{}.on("debuginfo", o.Debuginfo).text("suffix", o.Suffix)).of("tag", baseTag)
}

// CreateSideTag makes a side tag of a base tag. It takes a Login; without one,
// or where the hub's policy is against it, the answer is a *Fault of class
// ErrActionNotAllowed.
func (c *Client) CreateSideTag(ctx context.Context, baseTag string, o SideTagOptions) (NewSideTag, error) {
	return call(ctx, c, createSideTag(baseTag, o))
}

// RemoveSideTag removes a side tag of one's own. It takes a Login.
func (c *Client) RemoveSideTag(ctx context.Context, name string) error {
	_, err := call(ctx, c, value[any]("removeSideTag", name).of("tag", name))
	return err
}
