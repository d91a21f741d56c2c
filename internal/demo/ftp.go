package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	ftpserver "github.com/fclairamb/ftpserverlib"
	"github.com/spf13/afero"
)

// ftpServer is a real FTP server over a directory, for one user.
type ftpServer struct {
	root, user, password string
	addr                 string
	server               *ftpserver.FtpServer
	done                 chan error
}

// startFTP serves root, which it makes.
func startFTP(root, user, password string) (*ftpServer, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("start FTP server: %w", err)
	}
	s := &ftpServer{root: root, user: user, password: password, done: make(chan error, 1)}
	s.server = ftpserver.NewFtpServer(s)
	if err := s.server.Listen(); err != nil {
		return nil, fmt.Errorf("start FTP server: %w", err)
	}
	s.addr = s.server.Addr()
	go func() { s.done <- s.server.Serve() }()
	return s, nil
}

func (s *ftpServer) close() error {
	return errors.Join(s.server.Stop(), <-s.done)
}

// GetSettings implements ftpserver.MainDriver.
func (s *ftpServer) GetSettings() (*ftpserver.Settings, error) {
	return &ftpserver.Settings{ListenAddr: "127.0.0.1:0", DefaultTransferType: ftpserver.TransferTypeBinary}, nil
}

// ClientConnected implements ftpserver.MainDriver.
func (s *ftpServer) ClientConnected(ftpserver.ClientContext) (string, error) {
	return "the FTP server of respin's demo", nil
}

// ClientDisconnected implements ftpserver.MainDriver.
func (s *ftpServer) ClientDisconnected(ftpserver.ClientContext) {}

// AuthUser implements ftpserver.MainDriver.
func (s *ftpServer) AuthUser(_ ftpserver.ClientContext, user, password string) (ftpserver.ClientDriver, error) {
	if user != s.user || password != s.password {
		return nil, errors.New("user or password is wrong")
	}
	return &struct{ afero.Fs }{afero.NewBasePathFs(afero.NewOsFs(), s.root)}, nil
}

// GetTLSConfig implements ftpserver.MainDriver.
func (s *ftpServer) GetTLSConfig() (*tls.Config, error) {
	return nil, errors.New("this server has no certificate")
}
