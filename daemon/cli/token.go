package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token; its secret is shown this once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token."`
}

type tokenCreateCmd struct {
	Name   string   `arg:"" help:"Name of the token; with scope node, of the node."`
	Scope  []string `short:"s" required:"" enum:"submit,cancel,renew,node,admin,host-run" placeholder:"SCOPE" help:"What it allows: submit, cancel, renew, node, admin, host-run (scripts of requests may run on a node itself)."`
	Output string   `short:"o" placeholder:"FILE" help:"With scope node: where the credentials go. Default: NAME.creds."`
}

func (*tokenCreateCmd) about() string {
	return `The secret is printed once and stored nowhere. With scope node nothing is printed: the credentials of the build node go into a file that only you can read, for respin node --creds.

Making tokens needs the scope admin, or a daemon on this machine that allows it without.`
}

func (*tokenCreateCmd) examples() []example {
	return []example{
		{"respin token create ci --scope submit --scope cancel", "For a test system that asks for composes."},
		{"respin token create builder2 --scope node", "Writes builder2.creds for a build node."},
	}
}

// Run is the verb.
func (t *tokenCreateCmd) Run(ctx context.Context, a *app) error {
	node := slices.Contains(t.Scope, "node")
	if t.Output != "" && !node {
		return usagef("--output: goes with --scope node only")
	}
	if strings.ContainsAny(t.Name, "/\\") {
		return usagef("%q is no name for a token: use letters, digits, _ and -", t.Name)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	if !node {
		made, err := c.CreateToken(ctx, t.Name, t.Scope)
		if err != nil {
			return err
		}
		if a.global.JSON {
			a.printJSON(made)
			return nil
		}
		a.remark("token %s (%s); it is shown only now:\n", made.ID, strings.Join(made.Scopes, ", "))
		a.printf("%s\n", made.Secret)
		return nil
	}
	path := t.Output
	if path == "" {
		path = t.Name + ".creds"
	}
	// The file first: a token whose secret cannot be kept is of no use.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: remove it, or choose another with --output", path)
	}
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	made, err := c.CreateToken(ctx, t.Name, t.Scope)
	if err == nil && made.Credentials == "" {
		err = errors.New("the server sent no credentials")
	}
	if err == nil {
		_, err = f.WriteString(made.Credentials)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	made.Secret, made.Credentials = "", ""
	if a.global.JSON {
		a.printJSON(made)
		return nil
	}
	a.printf("%s\n", path)
	a.remark("token %s; on the build node: respin node --creds %s\n", made.ID, path)
	return nil
}

type tokenListCmd struct{}

func (*tokenListCmd) about() string { return "" }

func (*tokenListCmd) examples() []example {
	return []example{{"respin token list", "The tokens, and when they were used last."}}
}

// Run is the verb.
func (*tokenListCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := c.Tokens(ctx)
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(list)
		return nil
	}
	t := &table{head: []string{"ID", "NAME", "SCOPES", "CREATED", "LAST USED"}}
	for i := range list {
		t.add(list[i].ID, list[i].Name, strings.Join(list[i].Scopes, ","), when(list[i].Created), whenOptional(list[i].Used))
	}
	a.printTable(t)
	return nil
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"Id of the token; respin token list shows them."`
}

func (*tokenRevokeCmd) about() string { return "" }

func (*tokenRevokeCmd) examples() []example {
	return []example{{"respin token revoke 5f2a9c0d11e37b44", "A token that leaked; a node with it is disconnected."}}
}

// Run is the verb.
func (t *tokenRevokeCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	gone, err := c.RevokeToken(ctx, t.ID)
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(gone)
	} else {
		a.remark("token %s (%s) is revoked\n", gone.ID, gone.Name)
	}
	return nil
}
