module example.com/playbook

go 1.24
