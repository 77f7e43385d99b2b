"""The file of countries of a real node: what is none is refused at the start, and later changes nothing."""
import os
import signal
import subprocess

from harness import Skip, needs, wait_until

WRITER = r"""
eval { require MaxMind::DB::Writer::Tree } or exit 77;
my %types = (country => "map", iso_code => "utf8_string");
my $t = MaxMind::DB::Writer::Tree->new(ip_version => 6, record_size => 24, database_type => "Test", languages => ["en"],
    description => { en => "test" }, alias_ipv6_to_ipv4 => 0, remove_reserved_networks => 0,
    map_key_type_callback => sub { $types{$_[0]} });
my ($file, @pairs) = @ARGV;
while (my ($net, $code) = splice @pairs, 0, 2) { $t->insert_network($net, { country => { iso_code => $code } }) }
open my $f, ">:raw", "$file.new" or die; $t->write_tree($f); close $f; rename "$file.new", $file or die;
"""


def write(path, *pairs):
    code = subprocess.run(["perl", "-e", WRITER, path, *pairs], check=False).returncode
    if code == 77:
        raise Skip("libmaxmind-db-writer-perl is not installed")
    assert code == 0, code


@needs("hedgerow")
def test_feat_S8_a_file_of_countries_is_exchanged_while_the_node_runs(case):
    """S8: a file that is none ends the start with 78 and names it; a new one is taken on SIGHUP, or within 10 s; a damaged
    one is named, and the node goes on."""
    path = os.path.join(case.folder, "countries.mmdb")
    origin = case.origin()
    with open(path, "w", encoding="ascii") as file:
        file.write("no countries")
    words = ("run", "--origin", origin.url, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--mesh", "127.0.0.1:0",
             "--data", "alone", "--countries")
    said = case.run(*words, path, code=78).stderr
    assert path in said and "MaxMind" in said, said
    said = case.run(*words, path + ".gone", code=78).stderr
    assert "cannot be opened" in said, said

    write(path, "::127.0.0.0/104", "DE")
    node = case.node("fra-1", origin.url, flags=("--countries", path))
    assert node.get("/bytes/1000").status == 200
    write(path, "::127.0.0.0/104", "FR")
    node.signal(signal.SIGHUP)
    wait_until(lambda: f"countries are taken from the new {path}" in node.log(), node.log)
    with open(path, "w", encoding="ascii") as file:
        file.write("no countries")
    wait_until(lambda: "countries stay as they were" in node.log(), node.log, timeout=20)
    assert node.get("/bytes/1000").status == 200
