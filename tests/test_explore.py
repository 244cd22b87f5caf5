from tests.shell import Shell
import logging
def test_it(shell: Shell) -> None:
    logging.basicConfig(level=logging.DEBUG)
    a=shell("-o","json","streams","start","--owner","anna","--title","Evening","--tag","music").json
    print(shell("events","tail"))
    print(shell("streams", "list", "--since", "1d"))
    assert 0
