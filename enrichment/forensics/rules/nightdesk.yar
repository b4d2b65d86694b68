// Our own small set: few rules, each about something that a responder wants to see at once. A site adds its own
// by NIGHTDESK_YARA_DIR.

rule encoded_powershell
{
    meta:
        description = "PowerShell is started with an encoded command or hidden from the user"
    strings:
        $ps = /powershell(\.exe)?["']?\s/ ascii wide nocase
        $enc = /\s-(e|ec|enc|encodedcommand)\s+["']?[A-Za-z0-9+\/]{40}/ ascii wide nocase
        $hidden = /\s-w(indowstyle)?\s+hidden/ ascii wide nocase
        $fetch = /(downloadstring|downloadfile|frombase64string)\s*\(/ ascii wide nocase
    condition:
        $ps and ($enc or ($hidden and $fetch))
}

rule credential_dumper
{
    meta:
        description = "Reads credentials out of LSASS"
    strings:
        $a = "sekurlsa::logonpasswords" ascii wide nocase
        $b = "lsadump::" ascii wide nocase
        $c = /comsvcs(\.dll)?["']?[, ]+#?(24|MiniDump)/ ascii wide nocase
        $d = "gentilkiwi" ascii wide nocase
        $e = /procdump(64)?(\.exe)?["']?\s+(-accepteula\s+)?-ma\s+lsass/ ascii wide nocase
    condition:
        any of them
}

rule reverse_shell
{
    meta:
        description = "A shell whose input comes from the network"
    strings:
        $tcp = /(ba)?sh\s+-i\s+>&\s*\/dev\/tcp\/[^\s\/]{3,64}\/\d{1,5}/ ascii
        $nc = /\bnc(at)?\s+(-\w+\s+)*-e\s+\/bin\/(ba|da)?sh/ ascii
        $py = /socket\.socket\([^\n]{0,200}os\.dup2\(/ ascii
    condition:
        any of them
}

rule fetched_and_run
{
    meta:
        description = "Something is fetched from the network and run without being kept"
    strings:
        $pipe = /(curl|wget)\s[^\n|]{4,300}\|\s*(sudo\s+)?(ba|da)?sh\b/ ascii
        $mshta = /mshta(\.exe)?["']?\s+["']?https?:\/\// ascii wide nocase
        $regsvr = /regsvr32(\.exe)?["']?\s[^\n]{0,40}\/i:https?:\/\// ascii wide nocase
        $bits = /certutil(\.exe)?["']?\s[^\n]{0,40}-urlcache\s[^\n]{0,40}https?:\/\// ascii wide nocase
    condition:
        filesize < 4MB and any of them
}

rule web_shell
{
    meta:
        description = "A web page that runs what a request sends"
    strings:
        $php = /(eval|assert|system|passthru|shell_exec)\s*\(\s*(base64_decode\s*\(\s*)?\$_(GET|POST|REQUEST|COOKIE)\s*\[/ ascii nocase
        $asp = /eval\s*\(?\s*request\s*(\.\s*(form|querystring|item))?\s*[\[(]/ ascii nocase
        $jsp = /getRuntime\(\)\s*\.\s*exec\s*\(\s*request\.getParameter/ ascii
    condition:
        filesize < 2MB and any of them
}

rule reflective_loader
{
    meta:
        description = "A program that is loaded from memory instead of from a file"
    strings:
        $name = "ReflectiveLoader" ascii
        $pipe = /\\\\\.\\pipe\\(msagent_|MSSE-|postex_)[0-9a-f]{2}/ ascii wide
    condition:
        any of them
}

rule recovery_removed
{
    meta:
        description = "Backups or shadow copies are removed, as ransomware does before it encrypts"
    strings:
        $vss = /vssadmin(\.exe)?["']?\s+delete\s+shadows/ ascii wide nocase
        $wmic = /wmic(\.exe)?["']?\s+shadowcopy\s+delete/ ascii wide nocase
        $bcd = /bcdedit(\.exe)?["']?\s[^\n]{0,60}recoveryenabled\s+no/ ascii wide nocase
        $wbadmin = /wbadmin(\.exe)?["']?\s+delete\s+catalog/ ascii wide nocase
    condition:
        any of them
}

rule anti_malware_test_file
{
    meta:
        description = "The harmless file by which scanners are tested"
    strings:
        $eicar = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE" ascii
    condition:
        $eicar
}
