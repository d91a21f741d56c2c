package bodhi

import (
	"context"
	"fmt"
	"iter"
	"strconv"
)

// Comments lists comments, each once.
func (c *Client) Comments(ctx context.Context, q CommentQuery) iter.Seq2[*Comment, error] {
	v, err := q.values()
	return list(ctx, c, c.comments(), v, err, q.Limit)
}

// CommentsPage asks for one page of the comments that a query selects.
func (c *Client) CommentsPage(ctx context.Context, q CommentQuery, page int) (*Page[Comment], error) {
	v, err := q.values()
	return onePage(ctx, c, c.comments(), v, err, q.Limit, page)
}

func (c *Client) comments() collection[Comment] {
	return collection[Comment]{name: "comments", in: "comments", rows: c.rows, key: func(m *Comment) string { return strconv.Itoa(m.ID) }}
}

// Comment asks for one comment by its number. An unknown one matches
// ErrNotFound.
func (c *Client) Comment(ctx context.Context, id int) (*Comment, error) {
	var answer struct {
		Comment Comment `json:"comment"`
	}
	err := c.one(ctx, "comments", "id", strconv.Itoa(id), &answer, func() bool { return answer.Comment.ID != 0 })
	if err != nil {
		return nil, err
	}
	return &answer.Comment, nil
}

// Users lists accounts, each once.
func (c *Client) Users(ctx context.Context, q UserQuery) iter.Seq2[*User, error] {
	v, err := q.values()
	return list(ctx, c, c.users(), v, err, q.Limit)
}

// UsersPage asks for one page of the accounts that a query selects.
func (c *Client) UsersPage(ctx context.Context, q UserQuery, page int) (*Page[User], error) {
	v, err := q.values()
	return onePage(ctx, c, c.users(), v, err, q.Limit, page)
}

func (c *Client) users() collection[User] {
	return collection[User]{name: "users", in: "users", rows: c.rows, key: func(u *User) string { return u.Name }}
}

// User asks for one account, with the addresses of what belongs to it. An
// unknown one matches ErrNotFound.
func (c *Client) User(ctx context.Context, name string) (*User, error) {
	var answer struct {
		User User      `json:"user"`
		URLs *UserURLs `json:"urls"`
	}
	err := c.one(ctx, "users", "name", name, &answer, func() bool { return answer.User.Name != "" })
	if err != nil {
		return nil, err
	}
	answer.User.URLs = answer.URLs
	return &answer.User, nil
}

// Packages lists source packages, each once.
func (c *Client) Packages(ctx context.Context, q PackageQuery) iter.Seq2[*Package, error] {
	v, err := q.values()
	return list(ctx, c, c.packages(), v, err, q.Limit)
}

// PackagesPage asks for one page of the packages that a query selects.
func (c *Client) PackagesPage(ctx context.Context, q PackageQuery, page int) (*Page[Package], error) {
	v, err := q.values()
	return onePage(ctx, c, c.packages(), v, err, q.Limit, page)
}

func (c *Client) packages() collection[Package] {
	return collection[Package]{name: "packages", in: "packages", rows: c.rows, key: func(p *Package) string { return fmt.Sprint(p.Name, "/", p.Type) }}
}
