"""What administrators type, by what they look after. What intruders type is among it, for that is what they type too."""

from __future__ import annotations

S32 = r"C:\Windows\System32"
EXPLORER = r"C:\Windows\explorer.exe"
SERVICES = rf"{S32}\services.exe"
BROWSER = r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe"
WMI_HOST = rf"{S32}\wbem\WmiPrvSE.exe"
POWERSHELL = rf"{S32}\WindowsPowerShell\v1.0\powershell.exe"

GENERAL = (
    rf"{S32}\mmc.exe {S32}\services.msc",
    rf"{S32}\mmc.exe {S32}\eventvwr.msc",
    rf"{S32}\taskmgr.exe /7",
    rf"{S32}\cmd.exe",
    rf"{S32}\ipconfig.exe /all",
    rf"{S32}\systeminfo.exe",
    rf"{S32}\hostname.exe",
    rf"{S32}\whoami.exe /groups",
    rf"{S32}\NETSTAT.EXE -ano",
    rf"{S32}\net.exe localgroup administrators",
    rf"{S32}\net.exe user /domain",
    rf"{S32}\nltest.exe /dsgetdc:corp",
    rf"{S32}\tasklist.exe /svc",
    rf"{S32}\quser.exe",
    rf"{S32}\gpupdate.exe /force",
    rf"{S32}\sc.exe query state= all",
    rf"{S32}\vssadmin.exe list writers",
    rf"{S32}\wevtutil.exe qe System /c:40 /rd:true /f:text",
    rf"{POWERSHELL} -NoProfile -Command Get-Service",
    rf"{POWERSHELL} -NoProfile -ExecutionPolicy Bypass -File C:\Scripts\health.ps1",
)
RARE = (
    rf'{S32}\net.exe group "Domain Admins" /domain',
    rf"{S32}\nltest.exe /domain_trusts",
    rf"{S32}\vssadmin.exe list shadows",
    rf"{S32}\wevtutil.exe epl Application C:\Temp\application.evtx",
    rf"{S32}\reg.exe save HKLM\SOFTWARE C:\Temp\software.hiv",
    rf"{S32}\certutil.exe -verify C:\Temp\server.cer",
    rf"{S32}\rundll32.exe {S32}\comsvcs.dll, MiniDump 3412 C:\Temp\w3wp.dmp full",
    r"C:\Tools\procdump64.exe -ma w3wp.exe C:\Temp\w3wp.dmp",
    r"C:\Program Files\7-Zip\7z.exe a -p C:\Temp\logs.7z C:\inetpub\logs",
    r"C:\Program Files\WinRAR\rar.exe a -v200m C:\Temp\support.rar C:\Logs",
    rf"{S32}\Robocopy.exe \\FILE01\Install C:\Install /E /R:1 /W:1",
    rf"{S32}\net.exe use \\FILE01\C$",
    rf"{S32}\schtasks.exe /query /fo LIST /v",
    rf"{S32}\bitsadmin.exe /list /allusers",
    rf"{S32}\curl.exe -T C:\Temp\support.rar https://support.vendor.example/upload",
    r"C:\Program Files\PuTTY\pscp.exe C:\Temp\support.rar support@192.0.2.77:/in/",
    rf"{POWERSHELL} -NoProfile -EncodedCommand RwBlAHQALQBTAGUAcgB2AGkAYwBlAA==",
)
BY_ROLE = {
    "sql": (
        r'C:\Program Files\Microsoft SQL Server\150\Tools\Binn\sqlcmd.exe -S localhost -E -Q "DBCC CHECKDB"',
        rf"{S32}\perfmon.exe /res",
    ),
    "web": (rf"{S32}\inetsrv\appcmd.exe list sites", rf"{S32}\iisreset.exe /status"),
    "file": (
        rf"{S32}\mmc.exe {S32}\diskmgmt.msc",
        rf"{S32}\chkdsk.exe D:",
        rf"{S32}\vssadmin.exe list shadowstorage",
        rf"{S32}\vssadmin.exe resize shadowstorage /for=D: /on=D: /maxsize=20%",
    ),
    "app": (
        rf"{S32}\msiexec.exe /i C:\Install\update.msi /qn /l*v C:\Logs\update.log",
        rf"{S32}\mmc.exe {S32}\taskschd.msc",
    ),
    "clinical": (
        r"C:\Program Files\Clinical\ehradmin.exe --check",
        rf"{S32}\msiexec.exe /i C:\Install\ehr.msi /qn",
    ),
    "controller": (
        rf"{S32}\repadmin.exe /replsummary",
        rf"{S32}\dcdiag.exe /q",
        rf"{S32}\mmc.exe {S32}\dsa.msc",
    ),
}
PACKAGES = (
    rf"{S32}\msiexec.exe /i C:\Install\update.msi /qn",
    rf"{S32}\msiexec.exe /i C:\Install\agent.msi /qn /norestart",
    rf"{S32}\wusa.exe C:\Install\windows10.0-kb5034441-x64.msu /quiet /norestart",
    r"C:\Install\updater.exe",
    r"C:\Install\setup.exe /S",
    rf"{S32}\cmd.exe /c C:\Install\install.cmd",
    rf"{POWERSHELL} -NoProfile -ExecutionPolicy Bypass -File C:\Install\deploy.ps1",
)
"""How software comes to hosts."""
ANYBODYS = tuple(package for package in PACKAGES if "wusa.exe" not in package)
"""Of these what may be of anybody's making; an update's file is signed by Microsoft."""
LINUX = (
    "/usr/bin/systemctl status nginx", "/usr/bin/systemctl restart nginx", "/usr/bin/apt-get update",
    "/usr/bin/journalctl -u nginx --since today", "/usr/bin/tail -n 200 /var/log/syslog", "/usr/bin/df -h",
    "/usr/bin/docker ps", "/usr/bin/cat /etc/ssh/sshd_config", "/usr/bin/tar czf /tmp/logs.tgz /var/log/nginx",
    "/usr/bin/vi /etc/nginx/nginx.conf",
)  # fmt: skip
ON_RED_HAT = {
    "/usr/bin/apt-get update": "/usr/bin/dnf check-update",
    "/usr/bin/tail -n 200 /var/log/syslog": "/usr/bin/tail -n 200 /var/log/messages",
}
"""What is called otherwise there."""
UPLOADS = ("updates\\package-%d.msi", "scripts\\check-%d.ps1", "drivers\\driver-%d.zip", "tools\\tool-%d.exe")
"""What is put on shares."""
