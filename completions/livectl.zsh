#compdef livectl

_livectl_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _LIVECTL_COMPLETE=complete_zsh livectl)
}

compdef _livectl_completion livectl
